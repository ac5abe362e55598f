from harness.analysis.listed import and_more, listed


def test_all_names_where_there_is_room():
    assert listed(["lstm", "gru"]) == "lstm, gru"
    assert listed([]) == ""
    assert listed(list("abcdef")) == "a, b, c, d, e, f"


def test_the_number_of_the_rest_where_there_is_not():
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert listed(list("abc"), most=1) == "a and 2 more"
    assert (and_more(3, 3), and_more(4, 3)) == ("", " and 1 more")
