from harness.analysis.listed import listed


def test_all_names_where_there_is_room():
    assert listed(["lstm", "gru"]) == "lstm, gru"
    assert listed([]) == ""
    assert listed(list("abcdef")) == "a, b, c, d, e, f"


def test_names_that_have_commas_are_kept_apart_by_semicolons():
    assert listed(["lstm, threads=2", "gru"]) == "lstm, threads=2; gru"
    assert listed(["gru", "lstm, threads=2"], most=1) == "gru and 1 more"
    assert listed(["lstm, threads=2", "gru", "rnn"], most=2) == "lstm, threads=2; gru and 1 more"


def test_the_number_of_the_rest_where_there_is_not():
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert listed(list("abc"), most=1) == "a and 2 more"
