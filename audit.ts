/**
 * How suspicious a network is, without knowing a trigger.
 *
 * @module
 */

export {
  ANOMALY_THRESHOLD,
  audit,
  AUDIT_DEFAULTS,
  type AuditHooks,
  type AuditResult,
  type AuditSettings,
  type ClassAudit,
} from "./src/audit/audit.ts";
export type { RecoveredTrigger } from "./src/audit/trigger_inversion.ts";
