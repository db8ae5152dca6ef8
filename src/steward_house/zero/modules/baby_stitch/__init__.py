"""The module `baby_stitch`: a coloured light over a cot, two temperatures, a distance, and a hand that dims the light."""

from .module import BabyStitchModule

__all__ = ["BabyStitchModule"]
