// Where does `npm run migrations` find the tables, and where does it write the SQL?
import type { Config } from 'drizzle-kit';

const config: Config = {
  dialect: 'postgresql',
  schema: './src/**/*.schema.ts',
  out: './drizzle',
  casing: 'snake_case',
};

// The tool asks for a default export.
export default config;
