"""Tests of the component encoder."""
