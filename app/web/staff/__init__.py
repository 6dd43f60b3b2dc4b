"""The pages of people who work for a body: signing in, and what they do from then on."""
