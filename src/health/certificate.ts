import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PeerCertificate } from "node:tls";
import type { TlsExpectations } from "#hive";

const DAY_MS = 24 * 3_600_000;

/** The certificate that the server on the other side has shown. */
export function certificateOf(socket: Socket): PeerCertificate | undefined {
  return socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
}

/** What is wrong with a certificate, beyond what made TLS refuse it. */
export function complainAboutCertificate(
  certificate: PeerCertificate | undefined,
  { tls, now }: { readonly tls: TlsExpectations; readonly now: number },
): string[] {
  if (certificate?.fingerprint256 === undefined) return ["no certificate"];
  const complaints: string[] = [];
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  if (tls.fingerprint !== undefined && fingerprint !== tls.fingerprint) {
    complaints.push(`another certificate: its SHA-256 is ${certificate.fingerprint256}`);
  }
  const begins = new Date(certificate.valid_from);
  const ends = new Date(certificate.valid_to);
  const daysLeft = Math.floor((ends.getTime() - now) / DAY_MS);
  if (begins.getTime() > now) complaints.push(`the certificate begins on ${dayOf(begins)}`);
  if (ends.getTime() <= now) complaints.push(`the certificate ended on ${dayOf(ends)}`);
  else if (daysLeft < tls.minDaysLeft) {
    const days = daysLeft === 1 ? "1 day" : `${daysLeft} days`;
    complaints.push(`the certificate ends in ${days}, on ${dayOf(ends)}; ${tls.minDaysLeft} days are wanted`);
  }
  return complaints;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
