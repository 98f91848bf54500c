/** A Slurm of one node, with its own munge, folders and ports, that lives as long as one test. */

import assert from "node:assert/strict";

/** Daemons and clients that are needed; Debian has them in `slurm-wlm` and `munge`. */
const PROGRAMS = [
  "munged",
  "slurmctld",
  "slurmd",
  "sbatch",
  "sinfo",
  "squeue",
  "scontrol",
  "scancel",
];

/** How long a daemon may take to begin to work, seconds. */
const PATIENCE = 60;

/** Whether Slurm is installed; says so where it is not. */
export function slurmIsInstalled(): boolean {
  try {
    const { success } = new Deno.Command("sh", {
      args: ["-c", `${SETUP}\ncommand -v ${PROGRAMS.join(" >&2 && command -v ")} >&2`],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    if (success) return true;
  } catch {
    // Not permitted to look.
  }
  console.warn("Slurm is not installed: the tests that need it are skipped");
  return false;
}

/** Daemons lie where the PATH of most users does not look. */
const SETUP = "PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin";

/** A running Slurm. */
export interface Cluster {
  /** What its clients need. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command line of a client and returns what it printed. */
  run(line: string): Promise<string>;
}

/** Starts Slurm, calls `body`, and stops it. */
export async function withSlurm(body: (cluster: Cluster) => Promise<void>): Promise<void> {
  // Not in the folder of the test: the path of a socket may have no more than 107 characters.
  const folder = (await shell("mktemp -d -p /tmp --suffix=.slurm", {})).trim();
  const env = { SLURM_CONF: `${folder}/slurm.conf`, FOLDER: folder };
  try {
    await shell(START, { ...env, PORT_1: freePort(), PORT_2: freePort() });
    await body({ env, run: async (line) => await shell(line, env) });
  } catch (error) {
    console.error(await shell('tail -n 20 "$FOLDER"/*.log', env).catch(String));
    throw error;
  } finally {
    await shell(STOP, env);
  }
}

const START = `
cd "$FOLDER"
host=$(hostname -s)
user=$(id -un)
cat >slurm.conf <<END
ClusterName=lethe
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$PORT_1
SlurmdPort=$PORT_2
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
# A task that was put back into the queue begins again after cred_expire: 2 minutes, at least 5 s.
AuthInfo=socket=$FOLDER/munge.socket,cred_expire=5
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/spool
SlurmctldPidFile=$FOLDER/slurmctld.pid
SlurmdPidFile=$FOLDER/slurmd.pid
SlurmctldLogFile=$FOLDER/slurmctld.log
SlurmdLogFile=$FOLDER/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# The node is to have two places for tasks, whatever the machine has.
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
mkdir state spool
(umask 077 && head -c 128 /dev/urandom >munge.key)
munged --force --socket="$FOLDER/munge.socket" --key-file="$FOLDER/munge.key" \\
  --pid-file="$FOLDER/munged.pid" --log-file="$FOLDER/munged.log" --seed-file="$FOLDER/munge.seed"
slurmctld
slurmd
for second in $(seq ${PATIENCE}); do
  case $(sinfo --noheader --format=%T 2>&1) in idle) exit 0 ;; esac
  sleep 1
done
echo "the node of Slurm is not idle after ${PATIENCE} s: $(sinfo 2>&1)" >&2
exit 1
`;

const STOP = `
cd "$FOLDER"
for daemon in slurmd slurmctld munged; do
  [ ! -s "$daemon.pid" ] || kill "$(cat "$daemon.pid")" || :
done
# The folder goes last: daemons write their state when they end, also after they have removed their
# .pid file, so that it may take more than one attempt.
for second in $(seq ${PATIENCE}); do
  ls ./*.pid >/dev/null 2>&1 || ! rm -rf "$FOLDER" 2>/dev/null || exit 0
  sleep 1
done
rm -rf "$FOLDER"
`;

async function shell(script: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", `${SETUP}\n${script}`],
    env: { ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, `${script}\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** A port that nobody listens at. */
function freePort(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return String(listener.addr.port);
}
