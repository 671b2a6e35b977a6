"""Statistics on the host: intervals over replicates and the verdicts they allow."""
