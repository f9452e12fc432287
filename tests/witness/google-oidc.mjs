// oidc-provider with the behaviour that Google documents for web server apps, on Google's paths. It issues a refresh
// token only with access_type=offline and a consent screen. Users can deselect single scopes. Refresh tokens do not
// rotate. A revocation needs no client and ends the whole grant.
// https://developers.google.com/identity/protocols/oauth2/web-server
import { text } from 'node:stream/consumers';
import { Oidc } from './oidc.mjs';

const base = 'https://www.googleapis.com/auth/';
export const GMAIL = `${base}gmail.modify`;
export const CALENDAR = `${base}calendar`;
const always = ['openid', 'email'];

const offline = new Set();

/** Google's revocation endpoint needs no client, oidc-provider's does. This fills in the token's client. */
async function revocation(google, ctx) {
  const form = new URLSearchParams(await text(ctx.req));
  google.revocations.push({ members: [...form.keys()], authorization: ctx.get('authorization') });
  const token = form.get('token');
  const { RefreshToken, AccessToken } = google.provider;
  if (!((await RefreshToken.find(token)) ?? (await AccessToken.find(token)))) {
    ctx.status = 400;
    ctx.body = { error: 'invalid_token' };
    return false;
  }
  const { client_id, client_secret } = google.client;
  ctx.req.body = { token, client_id, client_secret };
  return true;
}

function page({ prompt, params }) {
  const scopes = params.scope.split(' ').filter((scope) => !always.includes(scope));
  const boxes = scopes.map((scope) => `<label><input type=checkbox name=scope value="${scope}" checked>${scope}</label>`);
  const fields = prompt.name === 'login' ? '<input name=account required>' : boxes.join('');
  return `<!doctype html><h1>${prompt.name}</h1><form method=post>${fields}<button>Continue</button></form>`;
}

/** Grants the selected scopes. The others are refused, and can be granted the next time. */
async function granted(provider, { params, session, grantId }, scopes) {
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const ticked = [...always, ...scopes];
  grant.rejected = {};
  grant.addOIDCScope(ticked.join(' '));
  const others = params.scope.split(' ').filter((scope) => !ticked.includes(scope));
  if (others.length) grant.rejectOIDCScope(others.join(' '));
  const id = await grant.save();
  if (params.access_type === 'offline') offline.add(id);
  return { consent: { grantId: id } };
}

async function pages({ provider }, ctx) {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = page(interaction);
    return;
  }
  const form = new URLSearchParams(await text(ctx.req));
  const isLogin = interaction.prompt.name === 'login';
  const result = isLogin
    ? { login: { accountId: form.get('account') } }
    : await granted(provider, interaction, form.getAll('scope'));
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: !isLogin });
}

async function middleware(google, ctx, next) {
  if (ctx.path.startsWith('/consent/')) {
    await pages(google, ctx);
    return;
  }
  if (ctx.path === '/revoke' && !(await revocation(google, ctx))) return;
  await next();
  // A refresh returns no refresh token.
  if (ctx.path === '/token' && ctx.oidc?.params?.grant_type === 'refresh_token') delete ctx.body.refresh_token;
}

export async function startGoogle() {
  const configuration = {
    scopes: [...always, GMAIL, CALENDAR],
    extraParams: ['access_type', 'include_granted_scopes'],
    routes: { authorization: '/o/oauth2/v2/auth', token: '/token', revocation: '/revoke', userinfo: '/v1/userinfo' },
    interactions: { url: (_, { uid }) => `/consent/${uid}` },
    issueRefreshToken: (_, client, code) => offline.delete(code.grantId),
    rotateRefreshToken: false,
    revokeGrantPolicy: () => true,
    features: { devInteractions: { enabled: false } },
  };
  const google = await Oidc.start('127.0.0.1', configuration, middleware);
  google.revocations = [];
  return google;
}
