import pytest

from egraph.errors import UsageError
from egraph.searchers import RegularizedEvolution
from egraph.specs import check_options, parse


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("random", {}),
        ("x:population=20,sample=5", {"population": 20, "sample": 5}),
        ("x:rate=0.5,kind=gcn", {"rate": 0.5, "kind": "gcn"}),
        ("x:distinct=false,log=true", {"distinct": False, "log": True}),
    ],
)
def test_a_name_with_options(text, options):
    assert parse(text) == (text.partition(":")[0], options)
    assert [type(value) for value in parse(text)[1].values()] == [type(value) for value in options.values()]


@pytest.mark.parametrize("text", ["x:", "x:a", "x:a=", "x:=1", "x:a=1,", ":a=1", "x:a=1,a=2"])
def test_what_is_no_name_with_options_is_refused(text):
    with pytest.raises(UsageError, match=r"expected NAME or NAME:OPTION=VALUE,OPTION=VALUE, got"):
        parse(text)


def test_an_unknown_option_is_refused():
    check_options("evolution", {"population": 3, "distinct": True}, RegularizedEvolution)
    check_options("anything", {"x": 1}, lambda **options: None)
    with pytest.raises(UsageError, match=r"'e:size=3' has no option 'size'; known: population, sample, dist"):
        check_options("e:size=3", {"size": 3}, RegularizedEvolution)
    with pytest.raises(UsageError, match="has no option 'seed'; known: none"):
        check_options("x:seed=3", {"seed": 3}, lambda space, *, seed: None)
