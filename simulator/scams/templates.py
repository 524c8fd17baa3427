"""Scam texts of each type, with gaps.

Enters: nothing. Leaves: TEMPLATES. Invariant: all were written for this project from knowledge of the trade; none is
a copy of a message that was sent.

Gaps: {wx} a contact in a messenger, {qq} a number, {tel} a phone number, {link} a link, {bank} and {carrier} brands,
{n} a small number, {sum} a sum in yuan, {big} a large one, {pct} a percentage, {name} a surname, {code} digits,
{plate} a number plate.
"""

from __future__ import annotations

from simulator.institutions import INSTITUTIONS

TEMPLATES: dict[str, tuple[str, ...]] = {
    "rebate_tasks": (
        "在家手机点赞兼职,一单{n}元起,当天结算不押金,需要的加微信{wx}",
        "诚招抖音关注员,动动手指日赚{sum},佣金秒到账,名额有限,添加微信{wx}领取第一单",
        "您好,我们是商城运营部,诚邀您做好评体验官,每单返现{n}元,进群立领,联系QQ{qq}",
        "宝妈学生看过来,空闲时间刷单返利,一天{sum}元,做完就提现,微信{wx}",
        "补单任务急招{n}人,本金加佣金十分钟返还,多劳多得,有意加微信{wx}",
        "恭喜您被选为平台推广体验官,完成三个关注即可领{n}元红包,扫码进群或加微信{wx}",
        "招网络兼职打字员,日结{sum},时间自由,手机可做,咨询QQ群{qq}",
        "双十一冲量刷单,佣金{pct}%,首单免费试做,垫付秒返,加微信{wx}备注兼职",
        "电影票房助力任务,点一点收益{sum},新人首单立返{n}元,薪资日结,微信{wx}",
        "做任务赚零花,下载后注册送{n}元体验金,满十元可提现 {link}",
        "快递福利回馈:免费领取保温杯一个,添加客服微信{wx},进群再领现金红包",
        "您好,看到您之前投的简历,现在还在找工作吗?方便的话加个{wx}聊聊",
        "亲,店铺新品上架需要几位老顾客帮忙提提意见,有小礼物相赠,联系{wx}",
        "某音某手官方合作,点赞员火热招募,单价{n}元,日入{sum}不是梦,请加薇{wx}",
    ),
    "fake_customer_service": (
        "您购买的商品因质量问题现双倍理赔,请联系理赔专员QQ{qq}办理退款",
        "您的快件在运输途中破损,我司将赔付{sum}元,请速联系客服{tel}",
        "您的直播会员将于今日自动扣费{sum}元每月,如非本人开通请致电{tel}取消",
        "【百万保障】您的账户百万保障服务已到期,次日起每月扣{sum}元,关闭请拨{tel}",
        "您好,我是商家售后,您上周的订单有点问题需要核对,方便时请回电{tel}",
        "您的包裹经检测需要消杀隔离,退款理赔请添加客服QQ{qq}",
    ),
    "fake_investment": (
        "老师带队,内幕消息,昨日推荐的股票涨停,免费进群领今日牛股,加微信{wx}",
        "数字货币搬砖套利,稳赚不赔,日收益{pct}%,会员内部通道 {link}",
        "跟着导师做外汇,本金{sum}起步,月翻倍,不赚钱不收费,微信{wx}",
        "原油黄金双向交易,专业团队免费带单,盈利{pct}%以上,名额仅{n}个,QQ群{qq}",
        "您好,我是券商投顾小{name},为您预留一只暴涨黑马,添加企业微信{wx}免费领取",
        "你好,请问是李经理吗?我是上次展会上的小{name},换了号码,加我{wx}",
        "好久不见,最近还在跑步吗?我是{name}姐,这是我的新号",
        "养老理财新项目,年化{pct}%,保本保息,参加送鸡蛋大米,详询{tel}",
    ),
    "fake_loan": (
        "您有一笔{big}元备用金待领取,无抵押免征信,当天放款,点击 {link}",
        "急用钱?凭身份证秒批{big}元,黑户白户均可,加微信{wx}",
        "【{bank}】尊敬的用户,您的信用良好,可申请{big}元低息贷款,回复1或致电{tel}",
        "征信花了也能贷,额度{big},月息{pct}厘,下款快,联系经理{name}{tel}",
        "您的贷款额度{big}已审核通过,因未提现即将失效,请下载APP完成放款 {link}",
        "大额信用卡代办,额度{big}起,无需流水,下卡再付费,微信{wx}",
        "专业办理无前期小额贷款,利息低放款快,一张身份证{n}分钟到账,QQ{qq}",
        "您在我平台的{big}元借款银行卡号填写错误,账户已冻结,请联系客服QQ{qq}解冻",
        "国家扶持创业补贴贷款,免息{n}个月,额度最高{big},申请通道 {link}",
        "您之前咨询的业务已经批下来了,请尽快和我联系,{name}经理{tel}",
        "应急周转,芝麻分{code}以上即可申请,秒到账{big}元,加薇{wx}",
    ),
    "fake_credit_record": (
        "您在校期间注册的校园贷账户未注销,将影响个人征信,请联系金融监管客服{tel}",
        "根据银保监会要求,您的贷款利率高于国家标准,请配合关闭,否则上传征信,专员QQ{qq}",
        "您名下互联网贷款账户异常,请于今日内注销,逾期将列入失信名单,致电{tel}",
        "【征信中心】您的征信报告存在逾期记录,可申请修复,点击 {link}",
    ),
    "fake_shopping": (
        "工厂直销,名表名包一比一,全场低至{n}折,看货加微信{wx}",
        "海关罚没手机低价处理,全新未拆封{sum}元,货到验货,微信{wx}",
        "演唱会内部票,前排原价转让,数量不多,先到先得,加薇{wx}",
        "飞天茅台内部渠道价{sum}元一瓶,限量{n}箱,付定金锁货,微信{wx}",
        "清仓特卖,名牌运动鞋{sum}元两双,限时抢购 {link}",
        "你好,你要的那款还有最后{n}件,要的话今天定下来,{wx}",
        "二手笔记本九成新,低价转让{sum}元,走平台先付定金 {link}",
    ),
    "fake_police": (
        "【公安局】您涉嫌一起洗钱案件,通缉令编号{code},请登录查阅并保密 {link}",
        "【最高检】您的案件电子传票已生成,查询码{code},逾期将强制执行 {link}",
        "您名下银行卡涉嫌跨境洗钱,请立即登录资金清查系统配合核查 {link}",
        "【通信管理局】您名下号码群发违法短信,两小时内停机,详情致电{tel}",
    ),
    "fake_boss": (
        "小{name},我换号码了,这是我的新微信{wx},加一下,有事找你",
        "我是你领导,明天早上九点到我办公室来一趟,先加我QQ{qq}",
        "{name}总在开会不方便接电话,让我转告您看一下QQ{qq}的消息",
        "在忙吗?我是{name}主任,有个事想麻烦你一下",
        "{name}会计,对方保证金请核实后马上打到这个账户,账号发你QQ{qq},办好回复我",
    ),
    "game_trading": (
        "高价收游戏账号,王者荣耀满皮肤{sum}元,平台担保交易 {link}",
        "免费送游戏皮肤,添加微信{wx}领取,未满{n}岁也可以",
        "低价代充点券,{n}折起,秒到账,加QQ{qq}",
        "解除防沉迷系统,百分百成功,联系QQ{qq}",
    ),
    "romance_blackmail": (
        "附近单身美女在线等你,一对一视频,下载即聊 {link}",
        "寂寞夜晚有我陪你,加微信{wx}看更多照片,点亮直播间",
        "不好意思发错了,不过认识一下也是缘分,我叫小{name},{wx}",
        "同城交友,真实约见,先下载APP验证身份 {link}",
    ),
    "phishing_sms": (
        "【{bank}】尊敬的用户:您的网银密码器将于次日失效,请尽快登录 {link} 升级,给您带来不便敬请谅解",
        "【{bank}】您的账户积分{code}分即将清零,可兑换现金{sum}元,请登录 {link} 兑换",
        "【{bank}】您的手机银行已过期冻结,为不影响使用请点击 {link} 重新认证",
        "【{bank}】您的信用卡额度可提升至{big}元,今日有效,请登录 {link} 办理",
        "【{bank}】系统检测您的身份证即将到期,卡片将停用,请点 {link} 更新资料",
        "【ETC】您的ETC卡已禁用,请于今日登录 {link} 重新签约认证,逾期将无法通行",
        "【高速ETC】{plate}车主您好,您的ETC认证已失效,请点击 {link} 完成审验",
        "【{carrier}】尊敬的客户,您的话费积分已满{code}分,可兑换{sum}元现金大礼包,请登录 {link} 领取",
        "【{carrier}】您的号码实名信息不全,将于今日停机,请登录 {link} 补充认证",
        "【医保局】您的医保电子凭证已停用,影响就医报销,请点击 {link} 重新激活",
        "【社保中心】您的社保卡存在异常将被冻结,请登录 {link} 办理认证",
        "【顺丰】您的快件因地址不详无法派送,请点击 {link} 补全地址并支付{n}元",
        "【交管】{plate}有一条违章未处理,查看照片及缴款 {link}",
        "【税务局】您的个税退税{sum}元待领取,请于三日内登录 {link} 办理,过期作废",
    ),
    "mule_network": (
        "高价收银行卡四件套,一套{sum}元,当面结,加微信{wx}",
        "躺赚项目,出租收款码,每天{sum}元,安全稳定,懂的来,纸飞机{qq}",
        "跑分平台招代理,押金秒退,佣金{pct}%,日流水{big},微信{wx}",
        "朋友,有张不用的卡吗?借我收个工程款,给你好处费,{wx}",
        "收电话卡,不限运营商,{n}张起收,现结,QQ{qq}",
    ),
}
# Sent in the name of others, who don't write in disguise: these go out as they are.
PLAIN_TYPES = frozenset({"phishing_sms", "fake_police"})

WELL_KNOWN = 4  # of institutions, those with at least this weight are worth imitating
BANKS = tuple(one.sign for one in INSTITUTIONS if one.sector == "bank" and one.weight >= WELL_KNOWN)
CARRIERS = tuple(one.sign for one in INSTITUTIONS if one.sector == "carrier" and one.weight >= WELL_KNOWN)
SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙马朱胡林何高郭罗")
