"""Tests of the blueprints, each run in a house whose rooms speak MQTT."""
