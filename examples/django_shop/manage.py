"""A shop in Django: webhooks whose events are handled exactly once with what is written to its database.

Needs `pip install 'finsecure[django]'` with Django 6.0 or newer, for its tasks. With FINSECURE_WEBHOOK_SECRET as
`finsecure sandbox` prints it:

    python examples/django_shop/manage.py migrate
    python examples/django_shop/manage.py runserver 8001

Have events delivered to http://127.0.0.1:8001/webhooks, or to one of the other two of shop/urls.py.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
