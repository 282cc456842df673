/** A mail server on this machine: STARTTLS with a certificate of its own authority, sign-in by password, one message. */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { TLSSocket } from "node:tls";

export const USER = "cronium";
export const PASSWORD = "p4ss w\u00f6rd";

export interface Received {
  readonly encrypted: boolean;
  readonly from: string;
  readonly to: string;
  readonly data: string;
}

export interface MailServer {
  readonly port: number;
  readonly received: readonly Received[];
  readonly stop: () => void;
}

export async function startMailServer(): Promise<MailServer> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.write("220-mail.test\r\n220 ready\r\n");
    converse(socket, false, received);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): void => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  };
  return { port: (server.address() as AddressInfo).port, received, stop };
}

function converse(socket: Socket, encrypted: boolean, received: Received[]): void {
  const lines = createInterface({ input: socket });
  const say = (text: string): boolean => socket.write(`${text}\r\n`);
  const signIn = Buffer.from(`\0${USER}\0${PASSWORD}`).toString("base64");
  const sent = { from: "", to: "", isSignedIn: false };
  let data: string[] | null = null;
  lines.on("line", (line) => {
    if (data !== null) {
      if (line !== ".") {
        data.push(line);
        return;
      }
      received.push({ encrypted, from: sent.from, to: sent.to, data: data.join("\n") });
      data = null;
      say("250 taken");
      return;
    }
    const [verb = ""] = line.toUpperCase().split(/[ :]/);
    if (verb === "EHLO") {
      say(encrypted ? "250-mail.test\r\n250 AUTH LOGIN PLAIN" : "250-mail.test\r\n250 STARTTLS");
    } else if (verb === "STARTTLS") {
      lines.close();
      socket.removeAllListeners("data");
      say("220 go on");
      const secure = new TLSSocket(socket, { isServer: true, key: KEY, cert: CERTIFICATE });
      secure.on("error", () => undefined);
      converse(secure, true, received);
    } else if (verb === "AUTH") {
      sent.isSignedIn = line === `AUTH PLAIN ${signIn}`;
      say(sent.isSignedIn ? "235 come in" : "535 who are you");
    } else if (!sent.isSignedIn) {
      say("530 sign in first");
    } else if (verb === "MAIL") {
      sent.from = line;
      say("250 fine");
    } else if (verb === "RCPT") {
      sent.to = line;
      say("250 fine");
    } else if (verb === "DATA") {
      data = [];
      say("354 go on");
    } else {
      say("221 bye");
      socket.end();
    }
  });
}

/** Whom `SSL_CERT_FILE` makes trusted. All of these are for tests alone, and good for a hundred years. */
export const AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBtDCCAVmgAwIBAgIUOlIuPuLa4OLvAuo/xFt4QgF2YuEwCgYIKoZIzj0EAwIw
JjEkMCIGA1UEAwwbQXV0aG9yaXR5IG9mIHRoZSBtYWlsIHRlc3RzMCAXDTI2MTEy
MTIxNTUyNVoYDzIxMjYxMDI4MjE1NTI1WjAmMSQwIgYDVQQDDBtBdXRob3JpdHkg
b2YgdGhlIG1haWwgdGVzdHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARyO1bp
pwNv5Ir5amwdn5A4Q7h4SgHz++ZgVat1UNq8JSr7n+m7d891q1Ttu6AVkuYc1+SI
sD2kd72JkCXNQ3tXo2MwYTAdBgNVHQ4EFgQUvNUw8eF3X1WUU1SRk4QOHsMfAh4w
HwYDVR0jBBgwFoAUvNUw8eF3X1WUU1SRk4QOHsMfAh4wDwYDVR0TAQH/BAUwAwEB
/zAOBgNVHQ8BAf8EBAMCAgQwCgYIKoZIzj0EAwIDSQAwRgIhAN9SNlVq+MWQ6+jy
StlbA+l7dqdvsgErZAE3iJ87EbT1AiEA4ovWTvLRtv/qtOKk8fQNR/Ycq5YutJJJ
vHL+zYwvzuo=
-----END CERTIFICATE-----
`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBtzCCAVygAwIBAgIUUFr8CxTNnV8pXw8wmLesfs7eI7wwCgYIKoZIzj0EAwIw
JjEkMCIGA1UEAwwbQXV0aG9yaXR5IG9mIHRoZSBtYWlsIHRlc3RzMCAXDTI2MTEy
MTIxNTUyNVoYDzIxMjYxMDI4MjE1NTI1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR+8AWP9LLPzDKU5kV/mGu9H2JHTsWP
rbNfJh2To7C1Tef9bg+1lNWFUCf0VEdhKVeRqO30qgfncvXUDKxomCc+o3gwdjAU
BgNVHREEDTALgglsb2NhbGhvc3QwEwYDVR0lBAwwCgYIKwYBBQUHAwEwCQYDVR0T
BAIwADAdBgNVHQ4EFgQUL+xbuyrXSIeDh0+JuP2nBdaKj+swHwYDVR0jBBgwFoAU
vNUw8eF3X1WUU1SRk4QOHsMfAh4wCgYIKoZIzj0EAwIDSQAwRgIhAMME8ulilS4s
ime9xFZIugHBDP+/iV6Pv4xFFsGQktmmAiEA6bhAXORfizpzi1HkfyIv2G4A9Lem
YjBayqVArpgZu/o=
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCb3PK/aqipaL6u78
+o+aAVexPjJ22DdE6Wz+o23p3SmhRANCAAR+8AWP9LLPzDKU5kV/mGu9H2JHTsWP
rbNfJh2To7C1Tef9bg+1lNWFUCf0VEdhKVeRqO30qgfncvXUDKxomCc+
-----END PRIVATE KEY-----
`;
