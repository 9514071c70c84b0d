"""What happens to text before anybody speaks it."""
