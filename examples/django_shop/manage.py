"""A shop in Django that handles each webhook event exactly once, together with what it writes to its database.

Install it with `pip install 'finsecure[django]'`; its tasks need Django 6.0 or newer. Start `finsecure sandbox`, and
set FINSECURE_WEBHOOK_SECRET to the value that it prints:

    python examples/django_shop/manage.py migrate
    python examples/django_shop/manage.py runserver 8001

Register http://127.0.0.1:8001/webhooks as an endpoint, or one of the other two in shop/urls.py.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
