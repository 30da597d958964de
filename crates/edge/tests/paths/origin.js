// An origin of Node.js that reads paths as most programs do: by the URL class, decoded. Says `port N`.
"use strict";
const server = require("node:http").createServer((request, response) => {
  let path;
  try {
    path = decodeURIComponent(new URL(request.url, "http://origin.test").pathname);
  } catch {
    response.writeHead(400).end("bad");
    return;
  }
  response.end(path.split("/")[1] === "admin" ? "THE SECRET" : "public");
});
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
