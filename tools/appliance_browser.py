# SPDX-License-Identifier: MIT
"""Uses the unikernel's page as a person with a phone does, by Chromium. appliance.py calls check()."""

import contextlib

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from unikernel import SECONDS, Wrong, require

SIZE = {"width": 390, "height": 840, "pixelRatio": 1.0}  # of a phone's screen
VALUE = "<b>1</b> & \"2\" 'three'"


@contextlib.contextmanager
def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": SIZE})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        driver.set_page_load_timeout(SECONDS)
        yield driver
    finally:
        driver.quit()


class Page:
    def __init__(self, driver, appliance):
        self.driver, self.address = driver, f"http://127.0.0.1:{appliance.port}/"

    def open(self):
        self.driver.get(self.address)

    def field(self, name):
        return self.driver.find_element(By.NAME, name)

    def leave(self, act):
        """Does what leads to another page, and waits for it."""
        old = self.driver.find_element(By.TAG_NAME, "html")
        act()
        WebDriverWait(self.driver, SECONDS).until(lambda _: self.gone(old))
        WebDriverWait(self.driver, SECONDS).until(lambda driver: driver.find_elements(By.TAG_NAME, "table"))

    @staticmethod
    def gone(element):
        try:
            element.is_enabled()
            return False
        except WebDriverException:
            return True

    def submit(self, action, key, value=None):
        for name, text in (("key", key), ("value", value)):
            if text is not None:
                self.field(name).clear()
                self.field(name).send_keys(text)
        self.leave(self.driver.find_element(By.CSS_SELECTOR, f"button[value={action}]").click)

    def keys(self):
        return [link.text for link in self.driver.find_elements(By.CSS_SELECTOR, "li a")]

    def value_of(self, key):
        self.leave(self.driver.find_element(By.LINK_TEXT, key).click)
        return self.field("value").get_attribute("value")

    def fits(self):
        return self.driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def use(appliance, driver, picture):
    """Adds and changes keys, kills the machine twice, and removes a key."""
    page = Page(driver, appliance)
    appliance.blank()
    with appliance.run() as session:
        page.open()
        require(page.keys() == [], "a new store has keys")
        for key, value in (("greeting", "Hello"), ("a<b>&\"c\"", VALUE), ("temperature", "21")):
            page.submit("save", key, value)
        require(set(page.keys()) == {"greeting", "a<b>&\"c\"", "temperature"}, f"the page shows {page.keys()}")
        session.kill()
    with appliance.run() as session:
        page.open()
        require(page.value_of("a<b>&\"c\"") == VALUE, "a value is not as it was typed")
        page.open()
        require(page.value_of("temperature") == "21", "a value is not there after a kill")
        page.submit("save", "temperature", "22")
        session.kill()
    with appliance.run() as session:
        page.open()
        require(page.value_of("temperature") == "22", "a change is not there after a kill")
        require(page.fits(), "the page is wider than a phone")
        if picture:
            driver.save_screenshot(picture)
        page.submit("remove", "greeting")
        require(set(page.keys()) == {"a<b>&\"c\"", "temperature"}, "a key that was removed is there")
        page.submit("remove", "greeting")
        require("no such key" in driver.page_source, "the page does not tell of an error")
        session.off(appliance.base)


def check(appliance, picture):
    try:
        with chromium() as driver:
            use(appliance, driver, picture)
    except WebDriverException as wrong:
        raise Wrong(f"Chromium: {wrong.msg}") from None
    print(f"HTTP, {appliance.base['name']}: Chromium has added, changed and removed keys by the page, "
          "and after two kills of the machine they are there")
