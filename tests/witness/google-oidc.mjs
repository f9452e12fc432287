// oidc-provider, set up to do what Google documents for web server apps, on Google's paths: a refresh token only with
// access_type=offline and a consent screen, single scopes that can be unticked, no rotation, and a revocation that needs
// no client and ends the whole grant. https://developers.google.com/identity/protocols/oauth2/web-server
import { text } from 'node:stream/consumers';
import { Oidc } from './oidc.mjs';

const base = 'https://www.googleapis.com/auth/';
export const GMAIL = `${base}gmail.modify`;
export const CALENDAR = `${base}calendar`;
const always = ['openid', 'email'];

export async function startGoogle() {
  const offline = new Set();
  const google = await Oidc.start('127.0.0.1', {
    scopes: [...always, GMAIL, CALENDAR],
    extraParams: ['access_type', 'include_granted_scopes'],
    routes: { authorization: '/o/oauth2/v2/auth', token: '/token', revocation: '/revoke', userinfo: '/v1/userinfo' },
    interactions: { url: (_, { uid }) => `/consent/${uid}` },
    issueRefreshToken: (_, client, code) => offline.delete(code.grantId),
    rotateRefreshToken: false,
    revokeGrantPolicy: () => true,
    features: { devInteractions: { enabled: false } },
  });
  google.revocations = [];
  const { provider } = google;

  const revocation = async (ctx) => {
    const form = new URLSearchParams(await text(ctx.req));
    google.revocations.push({ members: [...form.keys()], authorization: ctx.get('authorization') });
    const token = form.get('token');
    if (!((await provider.RefreshToken.find(token)) ?? (await provider.AccessToken.find(token)))) {
      ctx.status = 400;
      ctx.body = { error: 'invalid_token' };
      return false;
    }
    // Google asks for no client here, and oidc-provider does.
    const { client_id, client_secret } = google.client;
    ctx.req.body = { token, client_id, client_secret };
    return true;
  };

  const consent = async (ctx) => {
    const { prompt, params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
    if (ctx.method === 'GET') {
      const scopes = params.scope.split(' ').filter((scope) => !always.includes(scope));
      const boxes = scopes.map((scope) => `<label><input type=checkbox name=scope value="${scope}" checked>${scope}</label>`);
      const fields = prompt.name === 'login' ? '<input name=account required>' : boxes.join('');
      ctx.type = 'html';
      ctx.body = `<h1>${prompt.name}</h1><form method=post>${fields}<button>Continue</button></form>`;
      return;
    }
    const form = new URLSearchParams(await text(ctx.req));
    ctx.respond = false;
    if (prompt.name === 'login') {
      const result = { login: { accountId: form.get('account') } };
      await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
      return;
    }
    const known = grantId && (await provider.Grant.find(grantId));
    const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const granted = [...always, ...form.getAll('scope')];
    grant.rejected = {};
    grant.addOIDCScope(granted.join(' '));
    const others = params.scope.split(' ').filter((scope) => !granted.includes(scope));
    if (others.length) grant.rejectOIDCScope(others.join(' '));
    const id = await grant.save();
    if (params.access_type === 'offline') offline.add(id);
    await provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: id } });
  };

  provider.use(async (ctx, next) => {
    if (ctx.path.startsWith('/consent/')) return consent(ctx);
    if (ctx.path === '/revoke' && !(await revocation(ctx))) return undefined;
    await next();
    // A refresh brings no refresh token.
    if (ctx.path === '/token' && ctx.oidc?.params?.grant_type === 'refresh_token') delete ctx.body.refresh_token;
    return undefined;
  });
  return google;
}
