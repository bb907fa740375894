"""The parts of ``egraph search``: its groups of options, what they stand for, and the display of a search.

A group is a frozen dataclass with one field an option (`_groups.option`). ``cli/search.py`` lists the groups;
the command gets one object of each. To add an option: one field in the group that it belongs to, and its
use in the method of the same class that reads the group.

- `data.Data`: what is searched and how it is measured.
- `recipe.Training`: the recipe by which networks are trained.
- `running.Running`: budget, journal, workers, seed.
- `searcher.Searching`: the searcher and its candidates.
- `limits.Limits`: limits on the costs of networks.
- `ranker.Ranking`: the ranker.
- `screening.Screening`: the choice of the first trainings.

`saving` writes the files beside the journal, `listening` shows progress, and `display` the result.
"""
