"""Sends a request over TLS, prints what comes, and how the connection ended: with close_notify or without. Arguments: port, path."""

import socket
import ssl
import sys

context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=15)
secure = context.wrap_socket(plain, server_hostname="shop.test", suppress_ragged_eofs=False)
secure.sendall(f"GET {sys.argv[2]} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n".encode())
try:
    while data := secure.recv(65536):
        print(data.decode("latin1"))
    print("close_notify")
except (ssl.SSLEOFError, ConnectionResetError):
    print("cut off")
