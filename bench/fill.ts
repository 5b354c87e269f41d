/** Writes SETEX commands for so many sessions of 1 KB to standard output, for `redis-cli --pipe`. */
const keys = Number(process.argv[2]);
const BATCH = 1_000;
for (let from = 0; from < keys; from += BATCH) {
  const commands = Array.from({ length: Math.min(BATCH, keys - from) }, (_, i) => {
    const [key, value] = [`sess:${String(from + i).padStart(12, "0")}`, String(from + i).padStart(1_024, "v")];
    return `*4\r\n$5\r\nSETEX\r\n$${key.length}\r\n${key}\r\n$4\r\n3600\r\n$${value.length}\r\n${value}\r\n`;
  });
  if (!process.stdout.write(commands.join(""))) await new Promise((resolve) => process.stdout.once("drain", resolve));
}
