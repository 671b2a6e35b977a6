"""Points and distributions in latent space, and which of them generate."""
