// Which operations does a server say that it has? Its OpenAPI document, with references resolved where they are met.

const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch']);

/** @typedef {{ id: string, method: string, path: string, parameters: any[], body?: Record<string, any>, needsBody: boolean, responses: Record<string, any>, keyed: boolean }} Operation */

/** The document that a server serves.
 *  @returns {Promise<{ components: Record<string, any>, operations: Operation[] }>} operations in its order, those that remove last, so that others still find what they ask for */
export async function readDocument(origin) {
  const answer = await fetch(`${origin}/openapi.json`);
  if (!answer.ok) throw new Error(`the OpenAPI document was answered with ${answer.status}`);
  const document = await answer.json();
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.has(method))
      .map(([method, operation]) => ({
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        parameters: operation.parameters ?? [],
        body: operation.requestBody?.content,
        needsBody: operation.requestBody?.required === true,
        responses: operation.responses,
        keyed: (operation.security ?? []).length > 0,
      })),
  );
  const removes = ({ method }) => (method === 'DELETE' ? 1 : 0);
  return { components: document.components, operations: operations.toSorted((a, b) => removes(a) - removes(b)) };
}

/** Follows references until there is a schema. @returns {{ schema: any, name?: string }} with the name of its last component */
export function resolved(schema, components) {
  let name;
  let at = schema;
  for (;;) {
    const link = at.$ref ?? (at.allOf?.length === 1 ? at.allOf[0].$ref : undefined);
    if (link === undefined) return { schema: at, name };
    name = link.split('/').at(-1);
    at = components.schemas[name];
  }
}
