"""The Cluster API provider: machines of workload clusters on bare-metal hosts."""
