/** `traffic`: the sources and what they send. */
import { z } from "zod";
import type { TrafficDocument } from "./document.ts";
import { byteSize, duration, flag, named, object, oneOf, oneOrMore, sourceRate, text, whole } from "./fields.ts";

const common = {
  name: text("name in reports and expectations; default: the type, numbered where needed").optional(),
  from: oneOrMore(
    text("node"),
    "sending nodes: a name, a range (`client[1-4]`), a pattern (`client*`), or a list of them",
  ),
  start: duration("when the first packet may go (default 0)").optional(),
  stop: duration("when sending ends (default: with the run)").optional(),
};

const to = oneOrMore(text("target"), "a node, `node:interface`, or an address; several are used in turn");
const port = whole(1, 65535, "destination port").optional();
const packets = whole(1, 1e12, "how many packets each sender sends (default: without limit)").optional();
const poisson = flag("exponential gaps instead of even ones").optional();
const flows = whole(1, 65000, "different source ports, used in turn (default 1)").optional();

const TYPES = ["ping", "udp", "udp-rr", "pcap", "packets"];

/** One entry of `traffic`. */
export const trafficSchema: z.ZodType<TrafficDocument> = z.discriminatedUnion(
  "type",
  [
    object({
      type: z.literal("ping").describe("ICMP echo requests"),
      ...common,
      to,
      interval: duration("time between requests (default 1s)").optional(),
      packets,
      size: byteSize(0, 65507, "payload, bytes (default 56)").optional(),
    }),
    object({
      type: z.literal("udp").describe("UDP datagrams in one direction, at a constant or Poisson rate"),
      ...common,
      to,
      rate: sourceRate("of each sender: packets per second (10kpps) or bits per second of payload (100mbit)"),
      size: byteSize(0, 65507, "payload, bytes (default 64; 24 are needed to measure latency)").optional(),
      port,
      flows,
      poisson,
      packets,
      sinks: oneOrMore(text("node"), "nodes that receive, when `to` is an address that several nodes serve").optional(),
    }),
    object({
      type: z.literal("udp-rr").describe("requests over UDP, each answered by the server"),
      ...common,
      to,
      rate: sourceRate("requests of each sender per second; absent: the next request follows the answer").optional(),
      outstanding: whole(1, 65000, "without rate: requests under way at a time (default 1)").optional(),
      size: byteSize(0, 65507, "request's payload, bytes (default 64)").optional(),
      response: byteSize(0, 65507, "answer's payload, bytes (default 64)").optional(),
      port,
      flows,
      poisson,
      packets,
      timeout: duration("an answer that takes longer is lost (default 1s)").optional(),
      servers: oneOrMore(
        text("node"),
        "nodes that answer, when `to` is an address that several nodes serve",
      ).optional(),
    }),
    object({
      type: z.literal("pcap").describe("frames of a capture file, sent by an interface"),
      ...common,
      file: text("pcap or pcapng file, relative to the lab file"),
      rate: sourceRate("absent: at the times of the capture").optional(),
      speed: z
        .number({ error: "expected a number" })
        .positive({ error: "expected a number above 0" })
        .describe("times of the capture are divided by it")
        .optional(),
      loop: whole(1, 1e9, "how often the file is sent (default 1)").optional(),
    }),
    object({
      type: z.literal("packets").describe("frames made from a template, sent by an interface"),
      ...common,
      template: named(
        z.union([z.string(), z.number()], { error: "expected a value or a range" }),
        "header fields by name (eth.src, eth.dst, vlan.id, ip.src, ip.dst, ip.ttl, udp.sport, udp.dport, tcp.flags, ...); a range is written FROM-TO; `payload` in hexadecimal, `size` may be a range as well; or a whole frame as `hex`",
      ),
      rate: sourceRate("of each sender"),
      size: byteSize(14, 65549, "whole frame, bytes (default: what the headers need, at least 60)").optional(),
      poisson,
      packets,
      order: oneOf(["sequence", "random"], "how ranges are gone through (default sequence)").optional(),
    }),
  ],
  {
    error: (issue) =>
      issue.code === "invalid_union" ? `expected one of: ${TYPES.join(", ")}` : "expected a mapping with type",
  },
) as unknown as z.ZodType<TrafficDocument>;
