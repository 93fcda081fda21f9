"""The bench: starts orchestrators, hurts them, measures them. It imports none of them."""
