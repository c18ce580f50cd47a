"""The pages of the site, and what draws the pictures of the tutorial."""
