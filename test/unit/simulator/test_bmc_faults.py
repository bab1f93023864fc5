"""Faults travel from the lab to the process of the BMCs."""

from metal3.simulator import _bmc_faults
from metal3.simulator._bmc_faults import HEALTHY, BMCFaults, FaultFile


def test_a_new_fault_is_seen_at_once(tmp_path):
    """And so is its end; other systems stay healthy."""
    path = tmp_path / "faults.json"
    reader = FaultFile(path)
    assert reader.of("a") == HEALTHY
    fault = BMCFaults(wrong_password=True, delay=1.5)
    _bmc_faults.write(path, {"a": fault})
    assert reader.of("a") == fault
    assert reader.of("b") == HEALTHY
    _bmc_faults.write(path, {"a": HEALTHY})
    assert reader.of("a") == HEALTHY
    path.unlink()
    assert reader.of("a") == HEALTHY
