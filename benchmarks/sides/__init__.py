"""What several programs' sides share: data, models, a run of hfdl, a run of the Trainer."""
