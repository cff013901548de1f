/**
 * Tail loss probes. Owned by loss recovery: until a probe is sent, the retransmission timeout alone finds a lost tail.
 * @source net/ipv4/tcp_output.c tcp_schedule_loss_probe
 */
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_schedule_loss_probe. @returns whether a probe is scheduled in place of the timeout */
export function tcpScheduleLossProbe(_sk: TcpSock, _advancing: boolean): boolean {
  return false;
}
