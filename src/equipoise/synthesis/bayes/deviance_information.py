"""The deviance information criterion of whatever has deviances and leverages."""

from __future__ import annotations

from equipoise.frames import FloatArray


class DevianceInformation:
    """pD and DIC (Spiegelhalter et al. 2002, JRSS B 64:583) from ``deviance``, the posterior means of the residual
    deviance, and ``leverage``, both by study."""

    __slots__ = ()

    deviance: FloatArray
    leverage: FloatArray

    @property
    def total_deviance(self) -> float:
        """D̄, to be compared with the number of contrasts (of estimates, where there are only two arms)."""
        return float(self.deviance.sum())

    @property
    def p_d(self) -> float:
        """pD, the effective number of parameters: the sum of the leverages."""
        return float(self.leverage.sum())

    @property
    def dic(self) -> float:
        """The deviance information criterion, D̄ + pD."""
        return self.total_deviance + self.p_d
