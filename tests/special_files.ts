/** Links and pipes for tests, made by a shell: Deno makes links only for who may write anywhere. */

async function shell(script: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", { args: ["-c", script, ...args] })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Makes a symbolic link at `path`; what it leads to need not be there. */
export async function makeLink(target: string, path: string): Promise<void> {
  await shell(`ln -s "$0" "$1"`, target, path);
}

/** Makes a named pipe at `path`. */
export async function makePipe(path: string): Promise<void> {
  await shell(`mkfifo "$0"`, path);
}
