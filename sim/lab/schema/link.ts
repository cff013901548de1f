/** `topology.links`: containerlab's brief and extended forms, and netsim's impairments. */
import { z } from "zod";
import type { EndpointDocument, ImpairmentDocument, LinkDocument } from "./document.ts";
import {
  bitRate,
  byteSize,
  cidr4,
  cidr6,
  duration,
  fraction,
  ignored,
  isInterfaceName,
  isNodeName,
  list,
  mac,
  object,
  oneOf,
  text,
  textOf,
} from "./fields.ts";

const impairments = {
  rate: bitRate("transmission rate; absent: without limit").optional(),
  delay: duration("propagation delay").optional(),
  jitter: duration("uniform variation of the delay, at most the delay; packets stay in order").optional(),
  loss: fraction("share of frames that the link loses").optional(),
  mtu: byteSize(68, 65535, "MTU of the devices at both ends, bytes without the Ethernet header").optional(),
};

/** Impairments on their own: `forward`, `backward`, and `set` on the timeline. */
export const impairmentSchema: z.ZodType<ImpairmentDocument> = object(impairments);

const endpointObject = object({
  node: textOf("the name of a node", isNodeName, "node"),
  interface: textOf(
    "an interface name of at most 15 characters",
    isInterfaceName,
    "interface of the node; it is made by the link",
  ),
  mac: mac("MAC address of the interface").optional(),
  ipv4: z
    .union([z.array(cidr4("address")), cidr4("address")])
    .transform(asList)
    .describe("IPv4 address with prefix length")
    .optional(),
  ipv6: z
    .union([z.array(cidr6("address")), cidr6("address")])
    .transform(asList)
    .describe("IPv6 address with prefix length")
    .optional(),
  vars: ignored("template variables").optional(),
  labels: ignored("labels").optional(),
});

function asList(v: string | string[]): readonly string[] {
  return typeof v === "string" ? [v] : v;
}

const EXPECTED = "an endpoint such as host1:eth0";

/** `node:interface`, or the long form. */
const endpointSchema: z.ZodType<EndpointDocument> = z
  .union([z.string(), endpointObject], { error: `expected ${EXPECTED}` })
  .describe("`node:interface`")
  .transform((v, ctx): EndpointDocument => {
    if (typeof v !== "string") return v as EndpointDocument;
    const parts = v.split(":");
    const [node, name] = parts;
    if (parts.length === 2 && isNodeName(node!) && isInterfaceName(name!)) return { node: node!, interface: name! };
    ctx.issues.push({ code: "custom", message: `expected ${EXPECTED}`, input: v });
    return z.NEVER;
  }) as unknown as z.ZodType<EndpointDocument>;

/** One link. */
export const linkSchema: z.ZodType<LinkDocument> = object({
  type: text("containerlab's link type: veth (default) or dummy").optional(),
  endpoints: list(
    endpointSchema,
    "the two ends, `node:interface`; ranges go pairwise: `h[1-8]:eth0`, `sw:p[1-8]`",
  ).optional(),
  endpoint: endpointSchema.describe("the one end of a dummy link").optional(),
  driver: oneOf(
    ["veth", "nic"],
    "veth: a pair of virtual devices (default); nic: two physical NICs with rings, queues and RSS",
  ).optional(),
  ...impairments,
  forward: impairmentSchema.describe("from the first endpoint to the second; overrides the link's own").optional(),
  backward: impairmentSchema.describe("from the second endpoint to the first; overrides the link's own").optional(),
  ipv4: list(cidr4("address"), "containerlab: addresses of the ends, in order").optional(),
  ipv6: list(cidr6("address"), "containerlab: addresses of the ends, in order").optional(),
  vars: ignored("template variables").optional(),
  labels: ignored("labels").optional(),
}) as unknown as z.ZodType<LinkDocument>;
