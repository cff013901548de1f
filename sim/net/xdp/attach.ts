/**
 * Attaching XDP programs to devices, as `ip link set DEV xdp|xdpdrv|xdpgeneric|xdpoffload` does.
 *
 * @source net/core/dev.c dev_xdp_attach, dev_xdp_mode, dev_xdp_install, generic_xdp_install
 */
import type { Program } from "../../bpf/program.ts";
import { type Netdev, VerdictCounts, type XdpMode } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";

/** The mode as the user says it: `xdp` lets the device choose. */
export type XdpModeWord = "xdp" | "xdpdrv" | "xdpgeneric" | "xdpoffload";

/** How to attach. */
export interface XdpAttachOptions {
  readonly mode?: XdpModeWord;
  /** `ip -force`: replaces a program of the same mode. */
  readonly force?: boolean;
}

/** dev_xdp_mode: native where the driver can, when nothing else is said. */
function effectiveMode(dev: Netdev, word: XdpModeWord): XdpMode {
  if (word === "xdpoffload") throw new NetlinkError(ERRNO.EOPNOTSUPP);
  if (word === "xdpgeneric") return "xdpgeneric";
  if (word === "xdpdrv") return "xdp";
  return dev.ops.nativeXdp ? "xdp" : "xdpgeneric";
}

/**
 * Attaches a program.
 * @throws NetlinkError with the kernel's words: EBUSY `XDP program already attached`, EEXIST `Native and generic XDP can't be active
 *         at the same time`, EOPNOTSUPP `Underlying driver does not support XDP in native mode`, ERANGE for what the driver refuses,
 *         EINVAL for programs of another type or bound to another device, EEXIST when the device's bridge has a program
 */
export function attachXdp(dev: Netdev, prog: Program, options: XdpAttachOptions = {}): void {
  const mode = effectiveMode(dev, options.mode ?? "xdp");
  if (prog.kind !== "xdp") throw new NetlinkError(ERRNO.EINVAL);
  if (dev.master !== null && dev.master.xdp !== null) {
    throw new NetlinkError(ERRNO.EEXIST, "Cannot attach when an upper device already has a program");
  }
  const current = dev.xdp;
  const same = current !== null && current.mode === mode;
  if (same && options.force !== true) throw new NetlinkError(ERRNO.EBUSY, "XDP program already attached");
  if (current !== null && !same) {
    throw new NetlinkError(ERRNO.EEXIST, "Native and generic XDP can't be active at the same time");
  }
  if (prog.device !== null && prog.device !== dev) {
    throw new NetlinkError(ERRNO.EINVAL, "Program bound to different device");
  }
  if (prog.device !== null && mode === "xdpgeneric") {
    throw new NetlinkError(ERRNO.EINVAL, "Can't attach device-bound programs in generic mode");
  }
  if (prog.attach === "xdp_devmap") {
    throw new NetlinkError(ERRNO.EINVAL, "BPF_XDP_DEVMAP programs can not be attached to a device");
  }
  if (prog.attach === "xdp_cpumap") {
    throw new NetlinkError(ERRNO.EINVAL, "BPF_XDP_CPUMAP programs can not be attached to a device");
  }
  if (current?.prog === prog) return;
  if (mode === "xdp") {
    if (!dev.ops.nativeXdp) {
      throw new NetlinkError(ERRNO.EOPNOTSUPP, "Underlying driver does not support XDP in native mode");
    }
    const refused = dev.ops.xdpSet(dev, prog, prog.spec.frags);
    if (refused !== null) throw new NetlinkError(ERRNO.ERANGE, refused);
  }
  if (current !== null) dev.xdpPast.push(current);
  dev.xdp = { prog, mode, verdicts: new VerdictCounts() };
}

/**
 * `ip link set DEV xdp off`: detaches the program of that mode; none there is no error.
 * @throws NetlinkError EOPNOTSUPP for xdpoffload
 */
export function detachXdp(dev: Netdev, word: XdpModeWord = "xdp"): void {
  const mode = effectiveMode(dev, word);
  const current = dev.xdp;
  if (current === null || current.mode !== mode) return;
  dev.xdpPast.push(current);
  // the driver stops using the program before it is gone
  if (mode === "xdp") dev.ops.xdpSet(dev, null, false);
  dev.xdp = null;
}
