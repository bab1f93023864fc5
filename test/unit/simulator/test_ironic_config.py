"""What Ironic is told."""

import configparser
from pathlib import Path

import pytest

from metal3.simulator import LabConfig
from metal3.simulator._config import LabPaths
from metal3.simulator._ironic_config import IronicURLs, render
from metal3.simulator._ports import Ports

PATHS = LabPaths(root=Path("/lab"))
PORTS = Ports(base=1, ironic=2, agent=3, control=4, files=5, redfish=6, ipmi=7)
URLS = IronicURLs(api="http://127.0.0.1:2", files="http://127.0.0.1:5")


def rendered(**choices):
    """The configuration, parsed."""
    parser = configparser.ConfigParser(interpolation=None, default_section="none")
    parser.read_string(render(LabConfig(**choices), PATHS, PORTS, URLS))
    return parser


def test_everything_stays_on_loopback_and_below_the_folder():
    """A lab neither listens to the world nor writes outside."""
    config = rendered()
    assert config["api"]["host_ip"] == config["DEFAULT"]["my_ip"] == "127.0.0.1"
    assert config["database"]["connection"] == "sqlite:////lab/ironic.sqlite"
    places = [value for section in config.values() for value in section.values() if "/lab" in value]
    assert len(places) > 10


def test_failures_that_lose_their_text_are_in_the_history():
    """The operator reads the history when last_error is empty."""
    assert rendered()["conductor"]["node_history"] == "true"


def test_a_lab_without_tls_takes_agents_without_it():
    """Ironic's default would refuse every simulated agent."""
    config = rendered()
    assert config["agent"]["require_tls"] == "false"
    assert "enable_ssl_api" not in config["api"]


def test_tls_covers_the_api_and_the_agents():
    """Agents are checked against the lab's own authority."""
    config = rendered(tls=True)
    assert config["api"]["enable_ssl_api"] == "true"
    assert config["agent"]["require_tls"] == "true"
    assert config["agent"]["verify_ca"] == "/lab/certs/ca.crt"


def test_basic_auth_names_the_password_file():
    """Without the file Ironic would not start."""
    assert rendered(auth="http_basic")["DEFAULT"]["http_basic_auth_user_file"] == "/lab/htpasswd"


def test_the_users_options_have_the_last_word():
    """Known ones are replaced, new sections are added."""
    options = {"conductor.node_history": "false", "fake.power_delay": "1"}
    config = rendered(ironic_options=options)
    assert config["conductor"]["node_history"] == "false"
    assert config["fake"]["power_delay"] == "1"


def test_an_option_cannot_smuggle_in_more_lines():
    """A value of two lines would be read as two options."""
    with pytest.raises(ValueError, match=r"fake\.power_delay"):
        rendered(ironic_options={"fake.power_delay": "1\n[api]"})


def test_both_kinds_of_bmc_are_enabled():
    """IPMI's tool is on the PATH of every lab."""
    assert rendered()["DEFAULT"]["enabled_hardware_types"].startswith("redfish,ipmi")
