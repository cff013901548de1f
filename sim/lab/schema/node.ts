/** A node, and what `defaults`, `kinds` and `groups` say for all of theirs: containerlab's keys and netsim's. */
import { z } from "zod";
import type {
  InterfaceDocument,
  MapContentsDocument,
  MapElementDocument,
  MapsDocument,
  NodeDocument,
  SocketDocument,
  TcDocument,
} from "./document.ts";
import {
  address,
  byteSize,
  cidr,
  cidr4,
  cidr6,
  flag,
  ignored,
  isInterfaceName,
  list,
  mac,
  named,
  object,
  oneOf,
  oneOrMore,
  programUse,
  text,
  textOf,
  whole,
} from "./fields.ts";

/** Keys of containerlab's nodes that are accepted and do nothing here. @source containerlab types/node_definition.go */
export const IGNORED_NODE_KEYS = [
  "type",
  "image",
  "image-pull-policy",
  "startup-config",
  "startup-delay",
  "enforce-startup-config",
  "suppress-startup-config",
  "auto-remove",
  "restart-policy",
  "config",
  "license",
  "position",
  "entrypoint",
  "cmd",
  "SANs",
  "binds",
  "devices",
  "cap-add",
  "shm-size",
  "ports",
  "mgmt-ipv4",
  "mgmt-ipv6",
  "mgmt_ipv4",
  "mgmt_ipv6",
  "publish",
  "env",
  "env-files",
  "user",
  "labels",
  "network-mode",
  "sandbox",
  "kernel",
  "runtime",
  "cpu",
  "cpu-set",
  "memory",
  "extras",
  "wait-for",
  "dns",
  "certificate",
  "healthcheck",
  "aliases",
  "stages",
  "components",
] as const;

const tcSchema: z.ZodType<TcDocument> = object({
  ingress: oneOrMore(programUse("program"), "programs on received packets, in order").optional(),
  egress: oneOrMore(programUse("program"), "programs on packets to be sent, in order").optional(),
}) as unknown as z.ZodType<TcDocument>;

const interfaceSchema: z.ZodType<InterfaceDocument> = object({
  ip: oneOrMore(cidr("address"), "addresses with prefix length, IPv4 or IPv6").optional(),
  ipv4: oneOrMore(cidr4("address"), "IPv4 addresses with prefix length").optional(),
  ipv6: oneOrMore(cidr6("address"), "IPv6 addresses with prefix length").optional(),
  mac: mac("MAC address; absent: made from node and interface").optional(),
  mtu: byteSize(68, 65535, "MTU, bytes without the Ethernet header").optional(),
  driver: oneOf(["veth", "nic"], "kind of device; both ends of a link have the same").optional(),
  queues: whole(1, 64, "receive and transmit queues").optional(),
  ring: whole(16, 65536, "nic: descriptors of each receive ring").optional(),
  gro: flag("generic receive offload; on veth it turns NAPI on").optional(),
  up: flag("administratively up (default true)").optional(),
  txqueuelen: whole(0, 1_000_000, "packets of the default qdisc's queue").optional(),
  xdp: programUse(
    "program at the XDP hook: native mode where the device has it; `lb.o`, `lb.o:PROGRAM` or a mapping",
  ).optional(),
  xdpgeneric: programUse("program at the generic XDP hook").optional(),
  tc: tcSchema.describe("programs at the tc hook (clsact with bpf filters, direct-action)").optional(),
  tcx: tcSchema.describe("programs at the tcx hook").optional(),
  qdisc: oneOrMore(
    text("qdisc"),
    "root qdisc as tc takes it: `tbf rate 100mbit burst 32kbit latency 50ms`; several: as `tc qdisc add dev X ...` with root, parent and handle",
  ).optional(),
}) as unknown as z.ZodType<InterfaceDocument>;

const elementSchema: z.ZodType<MapElementDocument> = object({
  key: z.unknown().describe("the key: fields by name through BTF, a number, an address, or bytes in hex"),
  value: z
    .unknown()
    .describe("the value, in the same forms; a device map takes interface names, a program array program names"),
}) as unknown as z.ZodType<MapElementDocument>;

const maglevSchema = object({
  maglev: object({
    size: whole(2, 4_000_000, "entries of the ring, a prime"),
    offset: whole(0, 4_294_967_295, "index of the ring's first entry in the map (default 0)").optional(),
    backends: list(
      object({
        name: text("what its places are derived from; its address, say"),
        slot: whole(0, 4_294_967_295, "what its entries hold"),
        weight: whole(1, 65_535, "its share against the others' (default 1)").optional(),
      }),
      "who shares the ring",
    ),
  }).describe("a Maglev lookup ring, computed; the map is an array of 32-bit numbers"),
});

const isRing = (v: object): boolean => Object.keys(v).length === 1 && "maglev" in v;

/** Contents of maps by map name. */
export const mapsSchema: z.ZodType<MapsDocument> = named(
  z
    .union(
      [
        z.array(elementSchema),
        maglevSchema,
        z.record(z.string(), z.unknown()).refine((v) => !isRing(v), { error: "expected a ring", abort: true }),
      ],
      { error: "expected a list of {key, value}, a mapping from keys to values, or {maglev: ...}" },
    )
    .transform((v): MapContentsDocument => {
      if (Array.isArray(v)) return v as MapElementDocument[];
      if (isRing(v)) return v as MapContentsDocument;
      return Object.entries(v).map(([key, value]) => ({ key, value }));
    }) as unknown as z.ZodType<MapContentsDocument>,
  "contents by map name; every map of that name on the node is filled",
);

const socketSchema: z.ZodType<SocketDocument> = object({
  name: text("name in reports").optional(),
  type: oneOf(["packet", "udp"], "packet: AF_PACKET, sees what an interface sees; udp: bound to a port"),
  interface: textOf("an interface name", isInterfaceName, "packet: the interface; absent: all").optional(),
  address: address("udp: local address; absent: any").optional(),
  port: whole(1, 65535, "udp: local port").optional(),
  filter: programUse("socket filter program").optional(),
}) as unknown as z.ZodType<SocketDocument>;

const scalar = z.union([z.string(), z.number(), z.boolean()], { error: "expected a value" }).transform(String);

/** A node's settings; all optional. */
export const nodeSchema: z.ZodType<NodeDocument> = object({
  kind: text("linux: a host (default); bridge: a learning switch").optional(),
  group: text("name of an entry of `groups` whose settings apply").optional(),
  cpus: whole(1, 256, "CPUs (default 1)").optional(),
  exec: oneOrMore(
    text("command"),
    "commands to run when the network stands, as on Linux: ip, tc, bpftool, ethtool, sysctl, ping",
  ).optional(),
  sysctls: named(scalar as unknown as z.ZodType<string>, "sysctls by name: net.ipv4.ip_forward: 1").optional(),
  interfaces: named(
    interfaceSchema.nullable(),
    "settings by interface; links make the interfaces, `lo` is there",
  ).optional(),
  routes: oneOrMore(text("route"), "routes as `ip route add` takes them: default via 10.0.0.254").optional(),
  neighbors: oneOrMore(
    text("neighbour"),
    "as `ip neigh replace` takes them: 10.0.0.2 lladdr 02:.. dev eth0",
  ).optional(),
  maps: mapsSchema.optional(),
  sockets: list(socketSchema, "sockets that are open from the start and count what they receive").optional(),
  ...Object.fromEntries(IGNORED_NODE_KEYS.map((key) => [key, ignored(key).optional()])),
}) as unknown as z.ZodType<NodeDocument>;
