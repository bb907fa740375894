from egraph.bench.arena import arrange, to_markdown


def rows(arena_row):
    found = []
    for seed in range(9):
        shift = seed / 10
        low = [[1, None, 0.1, 10.0 + shift], [12, None, 0.5, 20.0 + shift]]
        high = [[1, None, 0.1, 10.0 + shift], [3, None, 0.9, 40.0]]
        found.append(arena_row(searcher="low", seed=seed, steps=low, final=20.0 + shift))
        found.append(
            arena_row(searcher="high", fitness="ranker:members=1", seed=seed, steps=high, final=40.0)
        )
    return found


def test_results_the_best_first_and_then_the_pairs(arena_row):
    results, pairs = arrange(rows(arena_row))
    assert results.title == "b, test, chosen by val, 20 queries"
    assert results.header == ["searcher", "seeds", "at 10", "at 20", "mean at end", "optimum", "s"]
    assert results.lines == [
        ["high / ranker:members=1", "9", "40 (40–40)", "40 (40–40)", "40 ± 0", "100%", "0.25"],
        ["low", "9", "10.4 (10.2–10.6)", "20.4 (20.2–20.6)", "20.4 ± 0.27", "0%", "0.25"],
    ]
    assert "found the best of the table, 40;" in results.notes[0]
    assert results.notes[1].startswith("the best of the table by val has 35: the result of a perfect search")
    ((searcher, other, verdict, superiority, p, q),) = pairs.lines
    assert (searcher, other, verdict, superiority) == ("high / ranker:members=1", "low", "better", "1.000")
    assert float(p) < 0.001
    assert float(q) < 0.001


def test_one_metric_for_both_is_said(arena_row):
    results, *_ = arrange([arena_row(test="val", metric="val", queries=1500, asked=1500)])
    assert results.title == "b, val, which the searchers see, 1,500 queries"
    assert len(results.notes) == 1


def test_searches_that_ended_early_are_counted(arena_row):
    (section,) = arrange([arena_row(), arena_row(seed=1, asked=7)])
    assert section.notes[-1] == "1 of 2 searches ended early because the space was exhausted"


def test_what_is_chosen_by_a_proxy_is_said(arena_row):
    (section, _) = arrange([arena_row(), arena_row(fitness="zero-cost:proxies=naswot")])
    assert section.notes[-1].startswith("fitness zero-cost: no score of the table is seen")
    assert "fitness zero-cost" not in "".join(next(arrange([arena_row()])).notes)


def test_differences_are_only_called_so_where_they_are_significant(arena_row):
    def verdict(first, other):
        made = [arena_row(searcher="a", seed=seed, final=value) for seed, value in enumerate(first)]
        made += [arena_row(searcher="b", seed=seed, final=value) for seed, value in enumerate(other)]
        return next(section for section in arrange(made) if "pairs" in section.title).lines[0][2]

    assert verdict([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]) == "no difference shown"
    around = [-5.0 + i / 100 for i in range(25)] + [5.0 + i / 100 for i in range(25)]
    assert verdict(around, [i / 100 - 0.25 for i in range(50)]) == "differs"


def test_markdown(arena_row):
    text = to_markdown(rows(arena_row))
    assert "## b, test, chosen by val, 20 queries\n\n| searcher | seeds | at 10 |" in text
    assert "| --- | ---: | ---: | ---: | ---: | ---: | ---: |" in text
    assert "| --- | --- | --- | ---: | ---: | ---: |" in text
    assert "| low | 9 | 10.4 (10.2–10.6) |" in text
