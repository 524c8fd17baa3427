"""What citizens are told: the words of every warning, and of advice, for each class of scam.

Enters: a class and a tier. Leaves: Chinese, as it is sent, spoken or said at the door; English for whoever reads the
code. Invariant: no text has a link, a number, an account of a messenger or anything to answer; it says which scam, how
it goes, and what to do now (SOURCES.md A1 [P], 12381). To change a word, change it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from interceptor.centre.warnings.classes import Scam


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class About:
    """What there is to say of a class: its name, how it goes, what to do now, and how not to get into it at all."""

    name: Words
    how: Words
    now: Words
    advice: Words


ABOUT: dict[Scam, About] = {
    Scam.UNCLEAR: About(
        Words("电信网络诈骗", "a scam whose kind isn't clear yet"),
        Words("有人可能正在骗您的钱。", "Somebody may be after your money."),
        Words(
            "先不要转账，不要说出验证码，不要共享屏幕，和家人商量。",
            "Don't pay, don't tell any code, don't share your screen; talk to your family first.",
        ),
        Words(
            "凡是催您马上转账、又不让您告诉别人的，都先停下来问问家人。",
            "Whoever hurries you to pay and wants it kept secret: stop, and ask your family.",
        ),
    ),
    Scam.REBATE: About(
        Words("刷单返利诈骗", "paid tasks with rebates"),
        Words(
            "先返小钱再要您垫付的任务都是骗局。",
            "Tasks that pay a little back and then want your money first are fraud.",
        ),
        Words("停止垫付，不再转账，退出那个群。", "Pay nothing more for tasks and leave that group."),
        Words(
            "要自己先垫钱的兼职不是工作，小额返利是诱饵。",
            "A job for which you pay first is no job; the small rebates are the bait.",
        ),
    ),
    Scam.CUSTOMER_SERVICE: About(
        Words("冒充客服诈骗", "false customer service"),
        Words(
            "真客服不会要您共享屏幕、装会议软件或转账。",
            "Real customer service never wants your screen, a meeting app or a transfer.",
        ),
        Words(
            "关掉屏幕共享，挂断电话，不要说出验证码。",
            "Stop sharing your screen now, hang up, tell nobody a code.",
        ),
        Words(
            "退款只在原来的购物平台里办，从不需要您先付钱。",
            "Refunds are made in the shop's own app, and never need a payment from you.",
        ),
    ),
    Scam.INVESTMENT: About(
        Words("虚假投资理财诈骗", "false investment"),
        Words(
            "保证赚钱的老师和平台是假的，平台里的余额取不出来。",
            "Teachers and platforms with sure gains are false; what they show as your balance can't be withdrawn.",
        ),
        Words("不要再充值，也不要为提现交税、交费。", "Put in no more, and pay no tax or fee to get anything out."),
        Words(
            "只用持牌机构的软件，网上认识的人推荐的投资一律不做。",
            "Use apps of licensed firms only, and none that somebody you met online recommends.",
        ),
    ),
    Scam.LOAN: About(
        Words("虚假贷款征信诈骗", "false loan or credit record"),
        Words(
            "放款前先收钱的都是骗局，征信也不能靠转账修好。",
            "Lenders who want money first are fraud, and no transfer mends a credit record.",
        ),
        Words(
            "不要交解冻费、保证金，不要借钱再转出去。",
            "Pay no fee or deposit, and don't borrow to pass the money on.",
        ),
        Words(
            "贷款去银行办，正规贷款在到账前不收费。",
            "Borrow at a bank; a real loan costs nothing before it is paid out.",
        ),
    ),
    Scam.SHOPPING: About(
        Words("虚假购物交易诈骗", "false shop or game trade"),
        Words(
            "离开平台私下付款，货和游戏账号都收不到。",
            "Pay outside the platform and neither goods nor game accounts will come.",
        ),
        Words("不要私下付款，也不要补交押金。", "Don't pay privately, and add no deposit."),
        Words(
            "买卖都留在平台里，价格低得离谱的不要买。",
            "Stay on the platform for buying and selling; what is far too cheap isn't there.",
        ),
    ),
    Scam.POLICE: About(
        Words("冒充公检法诈骗", "false police or court"),
        Words(
            "公安不在电话里办案，也没有安全账户。",
            "Police settle no case by phone, and there is no safe account.",
        ),
        Words(
            "挂断电话，关掉呼叫转移，不要独自待在酒店，去找家人或附近的派出所。",
            "Hang up, switch call forwarding off, don't stay alone in a hotel; go to your family or a police station.",
        ),
        Words(
            "说您涉案、要您保密转账的电话，都是假的，挂断后去派出所问。",
            "Calls that say you are in a case and must pay in secret are false; hang up and ask at a station.",
        ),
    ),
    Scam.ACQUAINTANCE: About(
        Words("冒充领导熟人诈骗", "false boss or friend"),
        Words("突然来要钱的领导或熟人多半是假的。", "A boss or friend who suddenly wants money is most likely false."),
        Words(
            "先当面或用您原来存的联系方式核实，不要转账。",
            "Ask in person or by the contact that you had before, and don't pay yet.",
        ),
        Words(
            "单位付款要经办人和复核人当面确认。",
            "Payments of a firm are confirmed face to face by two people.",
        ),
    ),
    Scam.ROMANCE: About(
        Words("网络交友裸聊诈骗", "online romance or blackmail"),
        Words(
            "没见过面就谈钱的人是骗子；被敲诈时付了钱还会再来要。",
            "Who talks of money before you ever met is a fraud; blackmailers who are paid come again.",
        ),
        Words("停止付款，留下聊天记录，去派出所报案。", "Stop paying, keep the chat, go to a police station."),
        Words(
            "不装陌生人发来的软件，不和没见过的人视频脱衣。",
            "Install nothing from strangers, and undress for nobody on video.",
        ),
    ),
    Scam.PHISHING: About(
        Words("钓鱼网页诈骗", "false pages of banks and offices"),
        Words(
            "说账户失效、积分到期的短信里的网页是假的。",
            "The pages in messages about locked accounts and lapsing points are false.",
        ),
        Words(
            "不要填写银行卡和验证码；已经填了的，马上叫银行锁卡。",
            "Don't enter a card or a code; if you have, let your bank lock the card now.",
        ),
        Words(
            "银行的事只在银行自己的软件或柜台办，短信里的网页一律不信。",
            "See to your bank's affairs in its own app or at the counter; trust no page out of a message.",
        ),
    ),
}

# How each tier puts it. {name}, {how} and {now} are those of the class.
TIERS: dict[int, Words] = {
    1: Words(
        "【反诈中心】您可能正遇到{name}。{how}现在请您：{now}本条短信无需回复。",
        "[Anti-fraud centre] You may be meeting {name}. {how} Please do this now: {now} No reply is needed.",
    ),
    2: Words(
        "您好，这里是市反诈中心的自动提醒。您可能正遇到{name}。{how}现在请您：{now}听完挂断即可，无需回复。",
        "This is an automatic call of the city's anti-fraud centre. You may be meeting {name}. {how} Please do this"
        " now: {now} You may hang up then; no reply is needed.",
    ),
    3: Words(
        "您好，我是市反诈中心的民警。我们看到您很可能正遇到{name}。{how}请您现在就{now}我不会要您转账，也不会要验证码，您无需回复任何短信。",
        "I am a police officer of the city's anti-fraud centre. You are most likely meeting {name}. {how} Please do"
        " this right now: {now} I shall ask for no transfer and no code; there is nothing to reply to.",
    ),
    4: Words(
        "您好，我们是附近派出所的民警，这是我们的证件。您很可能正遇到{name}。{how}请您现在就{now}"
        "为保护您，您向陌生账户的转账先缓一缓，您要求取消就马上取消，无需回复短信。",
        "We are officers of the station near by, and these are our cards. You are most likely meeting {name}. {how}"
        " Please do this right now: {now} To protect you, your payments to strangers wait a while; say so and they go"
        " at once. There is nothing to reply to.",
    ),
}
HOLD = Words(
    "为防止您被骗，民警上门前您向陌生账户的转账先缓一缓。",
    "Your payments to strangers wait until officers have spoken with you, so that nobody cheats you meanwhile.",
)
HOLD_REMEDY = "Say so to the officers or at the anti-fraud centre, and the hold ends at once; it ends by itself anyway."
HOLD_PAPERS = "identity card"
SHOWN = "The line shown is that of the anti-fraud centre, which nobody else can show; in doubt ring it yourself."
ADVICE = Words(
    "【反诈中心】近期{name}多发。{advice}本条短信无需回复。",
    "[Anti-fraud centre] Seen lately: {name}. {advice} No reply is needed.",
)


def warning(scam: Scam, tier: int) -> Words:
    """What a citizen is told at this tier (1 … 4)."""
    about, frame = ABOUT[scam], TIERS[tier]
    return Words(
        frame.zh.format(name=about.name.zh, how=about.how.zh, now=about.now.zh),
        frame.en.format(name=about.name.en, how=about.how.en, now=about.now.en),
    )


def advice(scam: Scam) -> Words:
    """What those at risk are told before anything has happened."""
    about = ABOUT[scam]
    return Words(
        ADVICE.zh.format(name=about.name.zh, advice=about.advice.zh),
        ADVICE.en.format(name=about.name.en, advice=about.advice.en),
    )
