"""Where the names beside a plot's points are placed."""

from harness.report.html.label_placement import text_positions


def test_a_name_gives_way_to_a_point_and_stays_inside_the_plot():
    # in pixels: (290, 296), (300, 300) and (500, 0); above gru is lstm's point, right of rnn the plot ends
    assert text_positions([0.29, 0.30, 0.50], [0.658, 0.663, 0.3], ["gru", "lstm", "rnn"]) == [
        "bottom right", "top right", "top left"
    ]  # fmt: skip


def test_on_a_logarithmic_axis_positions_follow_the_logarithm():
    # at 0, 250 and 500 pixels; on an axis from 0 the first two were at 5 and 50, and the first name on the second
    names = ["long_name_one", "long_name_two", "long_name_six"]
    positions = text_positions([1, 10, 100], [0.5, 0.5, 0.5], names, logarithmic=True)
    assert positions == ["top right", "top right", "top left"]
    assert text_positions([1, 10, 100], [0.5, 0.5, 0.5], names) == ["top right", "bottom right", "top left"]


def test_where_no_side_is_free_it_is_the_first():
    assert text_positions([1, 1, 1, 1, 1, 1, 1], [0] * 7, ["a"] * 7)[-1] == "top right"


def test_where_no_side_is_free_the_name_still_stays_inside_the_plot():
    # six names around one point at the right end; on its right, all of them would leave the plot
    assert text_positions([1] * 6 + [0.5], [0.5] * 6 + [0.9], ["a_long_name"] * 7)[5] == "top left"


def test_the_axis_spans_the_intervals_so_that_a_name_on_the_left_does_not_leave_the_plot():
    # the upper end of 60's interval is at 500 pixels, and 60 at 62: a name of 17 letters has no room on the left of it
    names = ["bag_of_embeddings", "gru"]
    assert text_positions([60, 10], [0.81, 0.80], names)[0] == "top left"
    assert text_positions([60, 10], [0.81, 0.80], names, ends=[0, 480]) == ["top right", "top right"]
    # at 375 of 500 pixels with an interval up to 100, which does not move it to the right end
    assert text_positions([1, 31.6], [0.5, 0.5], names, logarithmic=True, ends=[1, 100])[1] == "top right"
