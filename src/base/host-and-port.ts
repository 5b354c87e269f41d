/** As people write an address: `127.0.0.1:80`, `[::1]:80`. */
export function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
}
