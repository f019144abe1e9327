"""What tests, benchmarks and the audit share: throwaway stacks, the load client, the backend behind them."""
