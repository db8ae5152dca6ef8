"""The area node's daemon: its modules talk to the hardware of a room, it talks to the house."""
