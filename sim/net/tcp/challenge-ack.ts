/** ACKs that answer what does not fit, and how often. @source net/ipv4/tcp_input.c tcp_send_challenge_ack, tcp_oow_rate_limited; RFC 5961 */

import type { IpStack } from "../ip/ip-stack.ts";
import { tcpJiffies, tcpMstampRefresh } from "./clock.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpSendAck } from "./transmit.ts";

/** What answers out-of-window segments remembers. */
export interface OowLimited {
  /** Jiffies of the last answer, 0: none. */
  lastOowAckTime: number;
}

/** tcp_oow_rate_limited: at most one answer per tcp_invalid_ratelimit to segments without data. @returns whether to keep silent */
export function oowRateLimited(stack: IpStack, who: OowLimited): boolean {
  const now = tcpJiffies(stack);
  if (who.lastOowAckTime !== 0) {
    const elapsed = now - who.lastOowAckTime;
    if (elapsed >= 0 && elapsed < Math.ceil(stack.sysctl.tcpInvalidRatelimitMs / 4)) return true;
  }
  who.lastOowAckTime = now;
  return false;
}

/** tcp_send_challenge_ack: net.ipv4.tcp_challenge_ack_limit is without limit, as by default. */
export function tcpSendChallengeAck(sk: TcpSock): void {
  if (oowRateLimited(sk.stack, sk)) {
    sk.stack.snmp.TcpExtTCPACKSkippedChallenge++;
    return;
  }
  tcpMstampRefresh(sk);
  sk.stack.snmp.TcpExtTCPChallengeACK++;
  tcpSendAck(sk);
}
