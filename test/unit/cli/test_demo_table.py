"""What a user of the demo sees of each host."""

import io

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.cli._demo_table import HostTable


def host(state, *, error="", power=False):
    """A host in a state."""
    status = {
        "operationalStatus": "error" if error else "OK",
        "errorMessage": error,
        "poweredOn": power,
        "errorCount": 0,
        "provisioning": {"state": state, "ID": ""},
    }
    return metal3api.BareMetalHost.from_dict({"metadata": {"name": "node-0"}, "status": status})


def test_a_line_is_printed_for_each_change_where_there_is_no_terminal():
    """Logs of a CI run show every state once."""
    out = io.StringIO()
    table = HostTable(out=out)
    for state in ("registering", "registering", "inspecting"):
        table.put(host(state))
        table.draw()
    words = [line.split()[:2] for line in out.getvalue().splitlines()]
    assert words == [["node-0", "registering"], ["node-0", "inspecting"]]


def test_time_in_state_starts_again_with_each_state():
    """The last column tells how long a host has been where it is."""
    now = [100.0]
    table = HostTable(out=io.StringIO(), clock=lambda: now[0])
    table.put(host("registering"))
    now[0] += 7
    table.put(host("registering", power=True))
    assert table.lines(100)[1].split()[-1] == "7s"
    table.put(host("inspecting"))
    assert table.lines(100)[1].split()[-1] == "0s"


def test_a_long_error_does_not_break_the_table():
    """The message is cut; the columns behind it stay in view."""
    table = HostTable(out=io.StringIO())
    table.put(host("registering", error="the BMC refused the login " * 20))
    line = table.lines(90)[1]
    assert len(line) <= 90
    assert "..." in line
    assert line.rstrip().endswith("0s")
