"""django-oauth-toolkit on Django, with its strictest settings (RFC 9700): PKCE with S256 only, `iss`, hashed tokens. Reuse
of a refresh token revokes its family. Login, consent and console are the toolkit's own pages.

The argument is the directory of its database. Prints its port. Ends when its standard input ends.
"""

import hashlib
import json
import os
import secrets
import sys
import threading
import time

import django
from django.conf import settings

CANARY = os.environ.get("CANARY", "")
# Long enough that concurrent requests overlap.
SLOW = 1


class ClientSecret:
    def hash(self) -> str:
        # Characters that HTTP Basic must encode (RFC 6749 2.3.1). No space, because this also creates registration
        # tokens.
        return f"cs-{CANARY}-{secrets.token_hex(16)}+%:/&=?~"


def access_token(request, refresh_token: bool = False) -> str:
    return f"at-{CANARY}-{secrets.token_hex(16)}"


def refresh_token(request) -> str:
    return f"rt-{CANARY}-{secrets.token_hex(16)}"


MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "__main__.watch",
]
PROCESSORS = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
              "django.contrib.messages.context_processors.messages"]
GATES = ["IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "ACCESS_TOKEN_TRANSPORT", "AUTHZ_RESPONSE_ISS", "TOKEN_STORAGE",
         "REFRESH_TOKEN", "REDIRECT_URI_SCHEME", "REDIRECT_URI_MATCHING", "PKCE_REQUIRED"]

settings.configure(
    SECRET_KEY=secrets.token_hex(32),
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF="__main__",
    LOGIN_URL="/admin/login/",
    INSTALLED_APPS=[
        *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")),
        "oauth2_provider",
    ],
    MIDDLEWARE=MIDDLEWARE,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(sys.argv[1], "db.sqlite3"),
                           "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"}}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # The client's secret is hashed like a password, and checked at each call.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.ScryptPasswordHasher"],
    USE_TZ=True,
    STATIC_URL="/static/",
    LOGGING_CONFIG=None,
    OAUTH2_PROVIDER={
        "SCOPES": {"read": "Read", "introspection": "Introspect"},
        "DEFAULT_SCOPES": ["read"],
        "PKCE_REQUIRED": True,
        "ACCESS_TOKEN_EXPIRE_SECONDS": 10,
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "CLIENT_SECRET_GENERATOR_CLASS": ClientSecret,
        "ACCESS_TOKEN_GENERATOR": access_token,
        "REFRESH_TOKEN_GENERATOR": refresh_token,
        "ALLOWED_SCHEMES": ["http", "https"],
        "DCR_ENABLED": True,
        "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
        **{f"COMPLIANT_BCP_RFC9700_{gate}": True for gate in GATES},
    },
)
django.setup()

# These imports need the settings.
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.servers.basehttp import run
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import include, path
from oauth2_provider.decorators import protected_resource
from oauth2_provider.models import RefreshToken

calls = []
issued = []


def watch(get_response):
    """Records the requests to the token endpoint and the revocation endpoint, with their times."""

    def middleware(request):
        if request.path not in ("/token/", "/revoke_token/"):
            return get_response(request)
        call = {"path": request.path, "grant": request.POST.get("grant_type")}
        calls.append(call)
        if call["grant"] == "refresh_token":
            time.sleep(SLOW)
        response = get_response(request)
        call["status"] = response.status_code
        token = json.loads(response.content or "{}").get("refresh_token")
        if token:
            row = RefreshToken.objects.get(token_checksum=hashlib.sha256(token.encode()).hexdigest())
            issued.append({"token": token, "account": row.user.username})
        return response

    return middleware


@protected_resource(scopes=["read"], advertise_metadata=True)
def me(request):
    return JsonResponse({"sub": str(request.resource_owner.pk), "email": request.resource_owner.email})


def seen(request):
    families = {str(family): 0 for family in RefreshToken.objects.values_list("token_family", flat=True)}
    for family in RefreshToken.objects.filter(revoked=None).values_list("token_family", flat=True):
        families[str(family)] += 1
    return JsonResponse({"calls": calls, "refreshTokens": issued, "families": list(families.values())})


urlpatterns = [
    path("me", me),
    path("seen", seen),
    path("admin/", admin.site.urls),
    path("", include("oauth2_provider.urls")),
]


def end_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    call_command("migrate", verbosity=0)
    for name in ("alice", "bob"):
        User.objects.create_user(name, f"{name}@example.com", os.environ["PASSWORD"], is_staff=True)
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    run("127.0.0.1", 0, get_wsgi_application(), threading=True, on_bind=lambda port: print(port, flush=True))


if __name__ == "__main__":
    main()
