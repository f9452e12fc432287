// Lint rules for the sources, the tests and the console's pages. Prettier checks the layout.
import js from '@eslint/js';
import lit from 'eslint-plugin-lit';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

const unused = { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' };

export default defineConfig(
  { ignores: ['build/', 'dist/', 'lib/', 'screenshots/', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  {
    rules: {
      'no-unused-vars': ['error', unused],
      'no-undef': 'off',
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-control-regex': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    extends: [...ts.configs.recommendedTypeChecked, lit.configs['flat/all']],
    languageOptions: { parserOptions: { project: './tsconfig.unit.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', unused],
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      'lit/no-template-arrow': 'off',
      'lit/no-template-map': 'off',
    },
  },
);
