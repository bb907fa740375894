"""The metric that benchmarks take of each table, unless they are told another one."""

METRICS = {
    "nasbench101": "val_acc_108",
    "nasbench201": "cifar10_test_200",
    "nasbench_macro": "mean_acc",
    "nasbench_graph_cora": "test_perf",
    "nasbench_graph_arxiv": "test_perf",
    "nasbench_graph_photo": "test_perf",
    "accel_nasbench": "val_top1",
}
