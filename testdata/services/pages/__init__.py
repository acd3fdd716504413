"""One page, and a server for it, for every version of the framework that is in use."""

import sys

import tornado
import tornado.httpserver
import tornado.ioloop
import tornado.web


def serve(service, port):
    """Serves the page of a service at a port of this machine."""

    class Page(tornado.web.RequestHandler):
        def get(self):
            python = "%d.%d" % sys.version_info[:2]
            self.write("%s: tornado %s on Python %s\n" % (service, tornado.version, python))

    application = tornado.web.Application([("/", Page)])
    tornado.httpserver.HTTPServer(application).listen(port, "127.0.0.1")
    tornado.ioloop.IOLoop.instance().start()
