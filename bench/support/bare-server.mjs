// What can Node do at most here? A bare `node:http` server that parses the same body and answers; run as a process of its own.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const parsed = JSON.parse(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    const answer = `{"accepted":${parsed.events?.length ?? 1}}`;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit(0));
