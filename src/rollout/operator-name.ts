import { hostname, userInfo } from "node:os";

/** `user@machine`: who works here, for records and leases. */
export function operatorName(): string {
  return `${userInfo().username}@${hostname()}`;
}
