"""Metal3DataTemplate of infrastructure.cluster.x-k8s.io/v1beta2, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object, Time


class Metal3DataTemplateSpecMetaDataStrings(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key", "value"})

    key: str = ""
    """Key under which the value is found."""

    value: str = ""
    """The text."""


class Metal3DataTemplateSpecMetaDataObjectNamesObject(StrEnum):
    """Known values of object."""

    MACHINE = "machine"
    METAL3MACHINE = "metal3machine"
    BAREMETALHOST = "baremetalhost"


class Metal3DataTemplateSpecMetaDataObjectNames(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key", "object"})

    key: str = ""
    """Key under which the value is found."""

    object: str = ""
    """Which object is asked."""


class Metal3DataTemplateSpecMetaDataIndexes(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key"})

    key: str = ""
    """Key under which the value is found."""

    offset: int | None = None
    """Number the index is added to."""

    step: int = 1
    """Distance between two indexes."""

    prefix: str | None = None
    """Text before the number."""

    suffix: str | None = None
    """Text after the number."""


class Metal3DataTemplateSpecMetaDataNamespaces(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key"})

    key: str = ""
    """Key under which the value is found."""


class Metal3DataTemplateSpecMetaDataFromLabels(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key", "label", "object"})

    key: str = ""
    """Key under which the value is found."""

    object: str = ""
    """Which object is asked."""

    label: str = ""
    """Key of the label."""


class Metal3DataTemplateSpecMetaDataFromAnnotations(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"annotation", "key", "object"})

    key: str = ""
    """Key under which the value is found."""

    object: str = ""
    """Which object is asked."""

    annotation: str = ""
    """Key of the annotation."""


class Metal3DataTemplateSpecMetaDataFromHostInterfaces(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key"})

    key: str = ""
    """Key under which the value is found."""

    interface: str | None = None
    """Name of the network card in the hardware details of the host."""

    from_boot_mac: Annotated[bool | None, Field(alias="fromBootMAC")] = None
    """Take the boot MAC address of the host instead."""


class Metal3DataTemplateSpecMetaDataIpAddressesFromPool(Model):
    """One entry."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"key", "name"})

    key: str = ""
    """Key under which the value is found."""

    name: str = ""
    """Name of the pool."""

    api_group: Annotated[str, Field(alias="apiGroup")] = "ipam.metal3.io"
    """API group of the pool."""

    kind: str = "IPPool"
    """Kind of the pool."""


class Metal3DataTemplateSpecMetaData(Model):
    """What the machine's metadata is made of."""

    strings: list[Metal3DataTemplateSpecMetaDataStrings] = Field(default_factory=list)
    """Fixed texts."""

    object_names: Annotated[
        list[Metal3DataTemplateSpecMetaDataObjectNames], Field(alias="objectNames")
    ] = Field(default_factory=list)
    """Names of objects."""

    indexes: list[Metal3DataTemplateSpecMetaDataIndexes] = Field(default_factory=list)
    """Numbers made from the index of the machine."""

    namespaces: list[Metal3DataTemplateSpecMetaDataNamespaces] = Field(default_factory=list)
    """The namespace of the machine."""

    from_labels: Annotated[
        list[Metal3DataTemplateSpecMetaDataFromLabels], Field(alias="fromLabels")
    ] = Field(default_factory=list)
    """Values of labels."""

    from_annotations: Annotated[
        list[Metal3DataTemplateSpecMetaDataFromAnnotations], Field(alias="fromAnnotations")
    ] = Field(default_factory=list)
    """Values of annotations."""

    from_host_interfaces: Annotated[
        list[Metal3DataTemplateSpecMetaDataFromHostInterfaces], Field(alias="fromHostInterfaces")
    ] = Field(default_factory=list)
    """MAC addresses of network cards."""

    ip_addresses_from_pool: Annotated[
        list[Metal3DataTemplateSpecMetaDataIpAddressesFromPool], Field(alias="ipAddressesFromPool")
    ] = Field(default_factory=list)
    """Addresses from pools."""

    prefixes_from_pool: Annotated[
        list[Metal3DataTemplateSpecMetaDataIpAddressesFromPool], Field(alias="prefixesFromPool")
    ] = Field(default_factory=list)
    """Prefix lengths of addresses from pools."""

    gateways_from_pool: Annotated[
        list[Metal3DataTemplateSpecMetaDataIpAddressesFromPool], Field(alias="gatewaysFromPool")
    ] = Field(default_factory=list)
    """Gateways of addresses from pools."""

    dns_servers_from_pool: Annotated[
        list[Metal3DataTemplateSpecMetaDataIpAddressesFromPool], Field(alias="dnsServersFromPool")
    ] = Field(default_factory=list)
    """DNS servers of addresses from pools."""


class Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation(Model):
    """Take it from an annotation."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"annotation", "object"})

    object: str = ""
    """Which object is asked."""

    annotation: str = ""
    """Key of the annotation."""


class Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddress(Model):
    """MAC address of the link."""

    string: str | None = None
    """The address itself."""

    from_host_interface: Annotated[str | None, Field(alias="fromHostInterface")] = None
    """Name of the network card of the host that has it."""

    from_annotation: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation | None,
        Field(alias="fromAnnotation"),
    ] = None
    """Take it from an annotation."""


class Metal3DataTemplateSpecNetworkDataLinksEthernetsType(StrEnum):
    """Known values of type."""

    BRIDGE = "bridge"
    DVS = "dvs"
    HW_VEB = "hw_veb"
    HYPERV = "hyperv"
    OVS = "ovs"
    TAP = "tap"
    VHOSTUSER = "vhostuser"
    VIF = "vif"
    PHY = "phy"


class Metal3DataTemplateSpecNetworkDataLinksEthernets(Model):
    """One network card."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "type"})

    id: str = ""
    """Name of the link within this template."""

    name: str | None = None
    """Name the interface gets in the operating system."""

    mtu: int = 1500
    """Largest packet, in bytes."""

    mac_address: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddress | None, Field(alias="macAddress")
    ] = None
    """MAC address of the link."""

    type: str = ""
    """Kind of card, as OpenStack names it."""


class Metal3DataTemplateSpecNetworkDataLinksBondsBondMode(StrEnum):
    """Known values of bondMode."""

    BALANCE_RR = "balance-rr"
    ACTIVE_BACKUP = "active-backup"
    BALANCE_XOR = "balance-xor"
    BROADCAST = "broadcast"
    BALANCE_TLB = "balance-tlb"
    BALANCE_ALB = "balance-alb"
    VALUE_802_3AD = "802.3ad"


class Metal3DataTemplateSpecNetworkDataLinksBondsBondXmitHashPolicy(StrEnum):
    """Known values of bondXmitHashPolicy."""

    LAYER2 = "layer2"
    LAYER3_PLUS_4 = "layer3+4"
    LAYER2_PLUS_3 = "layer2+3"


class Metal3DataTemplateSpecNetworkDataLinksBondsParameters(Model):
    """One option."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name", "value"})

    name: str = ""
    """Name of the option."""

    value: Any | None = None
    """Its value: a text, a number or a structure."""


class Metal3DataTemplateSpecNetworkDataLinksBonds(Model):
    """Several links used as one."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"bond_mode", "id"})

    id: str = ""
    """Name of the link within this template."""

    name: str | None = None
    """Name the interface gets in the operating system."""

    mtu: int = 1500
    """Largest packet, in bytes."""

    mac_address: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddress | None, Field(alias="macAddress")
    ] = None
    """MAC address of the link."""

    bond_mode: Annotated[str, Field(alias="bondMode")] = ""
    """How the bond uses its links."""

    bond_links: Annotated[list[str], Field(alias="bondLinks")] = Field(default_factory=list)
    """Links that form the bond."""

    bond_xmit_hash_policy: Annotated[str | None, Field(alias="bondXmitHashPolicy")] = None
    """How traffic is spread over the links."""

    parameters: list[Metal3DataTemplateSpecNetworkDataLinksBondsParameters] = Field(
        default_factory=list
    )
    """More options of the bond."""


class Metal3DataTemplateSpecNetworkDataLinksVlans(Model):
    """One VLAN on a link."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "vlan_id", "vlan_link"})

    id: str = ""
    """Name of the link within this template."""

    name: str | None = None
    """Name the interface gets in the operating system."""

    mtu: int = 1500
    """Largest packet, in bytes."""

    mac_address: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddress | None, Field(alias="macAddress")
    ] = None
    """MAC address of the link."""

    vlan_id: Annotated[int, Field(alias="vlanID")] = 0
    """Number of the VLAN."""

    vlan_link: Annotated[str, Field(alias="vlanLink")] = ""
    """Link that carries the VLAN."""


class Metal3DataTemplateSpecNetworkDataLinks(Model):
    """Network interfaces."""

    ethernets: list[Metal3DataTemplateSpecNetworkDataLinksEthernets] = Field(default_factory=list)
    """Network cards."""

    bonds: list[Metal3DataTemplateSpecNetworkDataLinksBonds] = Field(default_factory=list)
    """Bonds."""

    vlans: list[Metal3DataTemplateSpecNetworkDataLinksVlans] = Field(default_factory=list)
    """VLANs."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef(Model):
    """Pool that the address comes from."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = ""
    """Name of the pool."""

    kind: str = "IPPool"
    """Kind of the pool."""

    api_group: Annotated[str, Field(alias="apiGroup")] = "ipam.metal3.io"
    """API group of the pool."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGateway(Model):
    """Where packets are sent."""

    string: str | None = None
    """The address itself."""

    from_ip_pool: Annotated[str | None, Field(alias="fromIPPool")] = None
    """Name of an IPPool to take it from."""

    from_pool_ref: Annotated[
        Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef | None,
        Field(alias="fromPoolRef"),
    ] = None
    """Pool that the address comes from."""

    from_pool_annotation: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation | None,
        Field(alias="fromPoolAnnotation"),
    ] = None
    """Take the name of the pool from an annotation."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesServices(Model):
    """Services reached by this route."""

    dns: list[str] = Field(default_factory=list)
    """Addresses of DNS servers."""

    dns_from_ip_pool: Annotated[str | None, Field(alias="dnsFromIPPool")] = None
    """Name of an IPPool whose DNS servers are added."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv4Routes(Model):
    """One route."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"gateway", "network"})

    network: str = ""
    """Network that is reached."""

    prefix: int | None = None
    """Length of its prefix."""

    gateway: Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGateway = Field(
        default_factory=Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGateway
    )
    """Where packets are sent."""

    services: Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesServices | None = None
    """Services reached by this route."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv4(Model):
    """One network."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "link"})

    id: str = ""
    """Name of the network within this template."""

    link: str = ""
    """Link the network is on."""

    routes: list[Metal3DataTemplateSpecNetworkDataNetworksIpv4Routes] = Field(default_factory=list)
    """Routes that use this network."""

    ip_address_from_ip_pool: Annotated[str | None, Field(alias="ipAddressFromIPPool")] = None
    """Name of an IPPool to take the address from."""

    from_pool_ref: Annotated[
        Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef | None,
        Field(alias="fromPoolRef"),
    ] = None
    """Pool that the address comes from."""

    from_pool_annotation: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation | None,
        Field(alias="fromPoolAnnotation"),
    ] = None
    """Take the name of the pool from an annotation."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesGateway(Model):
    """Where packets are sent."""

    string: str | None = None
    """The address itself."""

    from_ip_pool: Annotated[str | None, Field(alias="fromIPPool")] = None
    """Name of an IPPool to take it from."""

    from_pool_ref: Annotated[
        Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef | None,
        Field(alias="fromPoolRef"),
    ] = None
    """Pool that the address comes from."""

    from_pool_annotation: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation | None,
        Field(alias="fromPoolAnnotation"),
    ] = None
    """Take the name of the pool from an annotation."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesServices(Model):
    """Services reached by this route."""

    dns: list[str] = Field(default_factory=list)
    """Addresses of DNS servers."""

    dns_from_ip_pool: Annotated[str | None, Field(alias="dnsFromIPPool")] = None
    """Name of an IPPool whose DNS servers are added."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv6Routes(Model):
    """One route."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"gateway", "network"})

    network: str = ""
    """Network that is reached."""

    prefix: int | None = None
    """Length of its prefix."""

    gateway: Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesGateway = Field(
        default_factory=Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesGateway
    )
    """Where packets are sent."""

    services: Metal3DataTemplateSpecNetworkDataNetworksIpv6RoutesServices | None = None
    """Services reached by this route."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv6(Model):
    """One network."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "link"})

    id: str = ""
    """Name of the network within this template."""

    link: str = ""
    """Link the network is on."""

    routes: list[Metal3DataTemplateSpecNetworkDataNetworksIpv6Routes] = Field(default_factory=list)
    """Routes that use this network."""

    ip_address_from_ip_pool: Annotated[str | None, Field(alias="ipAddressFromIPPool")] = None
    """Name of an IPPool to take the address from."""

    from_pool_ref: Annotated[
        Metal3DataTemplateSpecNetworkDataNetworksIpv4RoutesGatewayFromPoolRef | None,
        Field(alias="fromPoolRef"),
    ] = None
    """Pool that the address comes from."""

    from_pool_annotation: Annotated[
        Metal3DataTemplateSpecNetworkDataLinksEthernetsMacAddressFromAnnotation | None,
        Field(alias="fromPoolAnnotation"),
    ] = None
    """Take the name of the pool from an annotation."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv4DHCP(Model):
    """One network."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "link"})

    id: str = ""
    """Name of the network within this template."""

    link: str = ""
    """Link the network is on."""

    routes: list[Metal3DataTemplateSpecNetworkDataNetworksIpv4Routes] = Field(default_factory=list)
    """Routes that use this network."""


class Metal3DataTemplateSpecNetworkDataNetworksIpv6DHCP(Model):
    """One network."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "link"})

    id: str = ""
    """Name of the network within this template."""

    link: str = ""
    """Link the network is on."""

    routes: list[Metal3DataTemplateSpecNetworkDataNetworksIpv6Routes] = Field(default_factory=list)
    """Routes that use this network."""


class Metal3DataTemplateSpecNetworkDataNetworks(Model):
    """Networks on the interfaces."""

    ipv_4: Annotated[list[Metal3DataTemplateSpecNetworkDataNetworksIpv4], Field(alias="ipv4")] = (
        Field(default_factory=list)
    )
    """IPv4 networks with fixed addresses."""

    ipv_6: Annotated[list[Metal3DataTemplateSpecNetworkDataNetworksIpv6], Field(alias="ipv6")] = (
        Field(default_factory=list)
    )
    """IPv6 networks with fixed addresses."""

    ipv_4_dhcp: Annotated[
        list[Metal3DataTemplateSpecNetworkDataNetworksIpv4DHCP], Field(alias="ipv4DHCP")
    ] = Field(default_factory=list)
    """IPv4 networks with DHCP."""

    ipv_6_dhcp: Annotated[
        list[Metal3DataTemplateSpecNetworkDataNetworksIpv6DHCP], Field(alias="ipv6DHCP")
    ] = Field(default_factory=list)
    """IPv6 networks with DHCP."""

    ipv_6_slaac: Annotated[
        list[Metal3DataTemplateSpecNetworkDataNetworksIpv6DHCP], Field(alias="ipv6SLAAC")
    ] = Field(default_factory=list)
    """IPv6 networks that configure themselves."""


class Metal3DataTemplateSpecNetworkDataServices(Model):
    """Services of all networks."""

    dns: list[str] = Field(default_factory=list)
    """Addresses of DNS servers."""

    dns_from_ip_pool: Annotated[str | None, Field(alias="dnsFromIPPool")] = None
    """Name of an IPPool whose DNS servers are added."""


class Metal3DataTemplateSpecNetworkData(Model):
    """What the machine's network data is made of."""

    links: Metal3DataTemplateSpecNetworkDataLinks | None = None
    """Network interfaces."""

    networks: Metal3DataTemplateSpecNetworkDataNetworks | None = None
    """Networks on the interfaces."""

    services: Metal3DataTemplateSpecNetworkDataServices | None = None
    """Services of all networks."""


class Metal3DataTemplateSpec(Model):
    """The data that is wanted."""

    cluster_name: Annotated[str | None, Field(alias="clusterName")] = None
    """Name of the cluster; not read any more."""

    meta_data: Annotated[Metal3DataTemplateSpecMetaData | None, Field(alias="metaData")] = None
    """What the machine's metadata is made of."""

    network_data: Annotated[
        Metal3DataTemplateSpecNetworkData | None, Field(alias="networkData")
    ] = None
    """What the machine's network data is made of."""


class Metal3DataTemplateStatusIndexes(Model):
    """One index."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"index", "name"})

    name: str = ""
    """Name of the claim."""

    index: int = 0
    """Its index."""


class Metal3DataTemplateStatus(Model):
    """What was given out."""

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    indexes: list[Metal3DataTemplateStatusIndexes] = Field(default_factory=list)
    """Which index each claim has."""


class Metal3DataTemplate(Object):
    """What metadata and network data of machines are rendered from."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta2", "Metal3DataTemplate"
    )
    plural: ClassVar[str] = "metal3datatemplates"
    namespaced: ClassVar[bool] = True

    spec: Metal3DataTemplateSpec = Field(default_factory=Metal3DataTemplateSpec)
    """The data that is wanted."""

    status: Metal3DataTemplateStatus = Field(default_factory=Metal3DataTemplateStatus)
    """What was given out."""
