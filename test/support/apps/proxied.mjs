/** An application that takes connections with a header of the PROXY protocol (version 1) and no others, and answers with it. */
import { createServer as createHttp } from "node:http";
import { createServer } from "node:net";

const headers = new WeakMap();
const http = createHttp((request, response) => {
  response.end(`${headers.get(request.socket)}\n`);
});
const server = createServer({ pauseOnConnect: false }, (socket) => {
  socket.on("error", () => {});
  let text = Buffer.alloc(0);
  socket.on("data", function take(data) {
    text = Buffer.concat([text, data]);
    const end = text.indexOf("\r\n");
    if (!"PROXY ".startsWith(text.toString("latin1", 0, Math.min(6, text.length)))) return socket.destroy();
    if (end < 0) return;
    socket.off("data", take);
    socket.pause();
    headers.set(socket, text.toString("latin1", 0, end));
    socket.unshift(text.subarray(end + 2));
    http.emit("connection", socket);
    socket.resume();
  });
});
server.listen(Number(process.env.PORT), process.env.HOST ?? "127.0.0.1");
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  http.closeIdleConnections();
});
