/** `timeline` and `expect`. */
import { z } from "zod";
import type { ExpectDocument, TimelineDocument } from "./document.ts";
import { duration, fraction, object, oneOf, oneOrMore, text } from "./fields.ts";
import { impairmentSchema } from "./link.ts";
import { mapsSchema } from "./node.ts";

/** One entry of `timeline`: a time, and one thing that happens then. */
export const timelineSchema: z.ZodType<TimelineDocument> = object({
  at: duration("simulated time at which it happens"),
  on: oneOrMore(text("node"), "exec, maps: on which nodes; names, ranges, patterns").optional(),
  exec: oneOrMore(text("command"), "commands to run on the nodes").optional(),
  maps: mapsSchema.describe("map contents to write on the nodes").optional(),
  link: text("a link, by one of its ends (`h1:eth0`)").optional(),
  state: oneOf(["up", "down"], "link: cut it or mend it").optional(),
  set: impairmentSchema.describe("link: new impairments; what is not named stays").optional(),
  direction: oneOf(["both", "forward", "backward"], "link: of which direction (default both)").optional(),
  crash: oneOrMore(text("node"), "nodes that stop at once, as if unplugged").optional(),
  restart: oneOrMore(text("node"), "crashed nodes that come up again, configured as at the start").optional(),
}) as unknown as z.ZodType<TimelineDocument>;

const number = z.number({ error: "expected a number" });

/** One entry of `expect`. */
export const expectSchema: z.ZodType<ExpectDocument> = z
  .union(
    [
      z.string(),
      object({
        name: text("name in reports").optional(),
        that: text("a comparison: `traffic.web.lost == 0`, `traffic.web.p99 < 2ms`").optional(),
        metric: text("name of a counter or result, compared by equals, min and max").optional(),
        equals: number.describe("exactly this, or within the tolerance").optional(),
        min: number.describe("at least").optional(),
        max: number.describe("at most").optional(),
        tolerance: fraction("equals: share by which it may be off").optional(),
      }),
    ],
    { error: "expected a comparison such as `traffic.web.lost == 0` or a mapping" },
  )
  .transform(
    (v): ExpectDocument => (typeof v === "string" ? { that: v } : (v as ExpectDocument)),
  ) as unknown as z.ZodType<ExpectDocument>;
